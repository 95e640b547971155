import { tableOf } from '../../objectives/tables.ts';
import type { Picture } from '../../run/record.ts';
import type { Draft } from '../panels/settings/draft.svelte.ts';
import { displayOrder, matrixNamed, type Order } from './display.ts';
import { knowsWording, type Frame } from './pairs.ts';
import type { History, Subject } from './history/history.ts';
import { arrival, momentAt, reachOf, type Moment, type Reach } from './moment.ts';
import type { Session } from './session.svelte.ts';
import { teachingOf } from './teaching.ts';
import { Lens } from './whatIf/lens.svelte.ts';

/** A cell of the matrix, by its places on the axes. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Steps per second at which a run can be replayed. */
export const SPEEDS = [5, 10, 25, 50, 100, 200] as const;

/** What is looked at, and how: which step, which cell, which matrix. A function of it and the run draws the page. */
export class View {
  /** Letter of the matrix that was chosen; objectives that have none such show their first. */
  mode = $state<string>();
  order = $state<Order>('document');
  /** The batch that was asked for: the one that stays the same, where the run shown has it, or that of the step looked at. */
  wantedSubject = $state<Subject>('probe');
  /** Which cells are framed. */
  readonly frames = $state<Record<Frame, boolean>>({ document: true, wording: false });
  /** Whether the matrix shows what teaches the retriever, in place of its values. */
  showsTeaching = $state(false);
  /** Where somebody has travelled to, and in which run: another begins at its end. */
  private chosen = $state.raw<{ readonly history: History; readonly step: number }>();
  playing = $state(false);
  speed = $state<number>(25);
  /** The step under the pointer in some chart. */
  hoveredStep = $state<number>();
  selected = $state.raw<Cell>({ row: 0, column: 1 });
  hovered = $state.raw<Cell>();

  /** What the numbers and pictures of the run shown are; before there is any, of what is chosen. */
  readonly table = $derived.by(() => {
    const { history, kind, revision } = this.session;
    return revision >= 0 && kind !== 'none' ? history.table : tableOf(this.draft.configuration);
  });
  readonly matrix = $derived.by(() => matrixNamed(this.table, this.mode));
  /** How far the run shown had come when the page was drawn last. */
  readonly reach: Reach = $derived.by(() => {
    // The history is not reactive in itself: a drawing more is what says that it has gone on.
    void this.session.revision;
    return reachOf(this.session.history);
  });
  /** What is looked at: the one source of all that shows a step. */
  readonly moment: Moment = $derived(momentAt(this.reach, this.chosenStep, this.wantedSubject));
  readonly step = $derived(this.moment.step);
  readonly subject: Subject = $derived(this.moment.subject);
  /** The batch of the step looked at, whatever is shown: what the models were trained on. */
  readonly record = $derived(this.moment.record);
  /** What is put in the place of A, if anything is. */
  readonly lens = new Lens(() => ({ table: this.table, configuration: this.session.configuration }));
  /**
   * What is shown: matrix, sentence, table, numbers and exports take all they draw from this one, its matrices by `matrixOf`. Where
   * something is put in the place of A it is not the run's own picture, and says so (whatIf/instead.ts).
   */
  readonly picture: Picture | undefined = $derived(this.moment.picture && this.lens.through(this.moment.picture));
  /** What the batch shown teaches the retriever, where the run kept that. */
  readonly teaching = $derived(this.picture && teachingOf(this.table, this.picture));
  /** Whether the corpus knows in which sentence the chunks shown were told. */
  readonly knowsWording = $derived(this.picture !== undefined && knowsWording(this.picture.batch));
  /** What the batch is that stays the same; undefined where there is none. */
  readonly probeOf = $derived(
    this.reach.history.subjectOf('probe') === 'probe' ? this.reach.history.probe?.of : undefined,
  );
  /** Whether the picture changes by itself, so that nobody could read it out as it goes. */
  readonly isMoving = $derived.by(() => this.playing || this.session.state === 'running');
  /** Chunks of the batch looked at, in the order of the axes. */
  readonly places = $derived(this.picture ? displayOrder(this.picture.batch, this.order) : []);
  /** The cell whose chunks are read side by side: the one under the pointer, else the selected one. */
  readonly cell: Cell = $derived(this.hovered ?? this.selected);

  /** Whether nothing later can be seen. */
  private get isAtEnd(): boolean {
    const { moment } = this;
    return moment.step >= (moment.history.picturesOf(moment.subject).at(-1)?.metrics.step ?? moment.last);
  }

  /** Which playing is the last begun: a frame asked for by one before it does nothing. */
  private playback = 0;

  constructor(
    private readonly session: Session,
    private readonly draft: Pick<Draft, 'configuration'>,
  ) {}

  /** The step that was travelled to in the run shown; undefined follows that run. */
  get chosenStep(): number | undefined {
    const { chosen } = this;
    return chosen && chosen.history === this.reach.history ? chosen.step : undefined;
  }

  travel(step: number): void {
    this.playing = false;
    // What has come in since the last drawing is drawn with it, so that all of the page shows one moment.
    this.session.redraw();
    const { moment, session } = this;
    const isEnd = step >= moment.last && session.kind === 'live';
    this.choose(isEnd ? undefined : arrival(moment, step));
  }

  follow(): void {
    this.playing = false;
    this.session.redraw();
    this.choose(undefined);
  }

  /**
   * Plays from the step looked at, from the beginning when that is the last one. `to`: where it stops, the end of the run when left
   * out; `speed`: steps a second. Resolves with whether it came there: not where somebody stopped it or went elsewhere.
   */
  play({ to, speed }: { readonly to?: number; readonly speed?: number } = {}): Promise<boolean> {
    const { history } = this.session;
    if (history.length < 2) return Promise.resolve(false);
    const { earliest } = this.moment;
    let at = this.isAtEnd ? earliest : this.step;
    this.choose(at);
    this.playing = true;
    let before: number | undefined;
    const playback = ++this.playback;
    return new Promise((resolve) => {
      const advance = (now: number): void => {
        if (this.session.history !== history && this.playback === playback) this.playing = false;
        if (!this.playing || this.playback !== playback) return resolve(false);
        at += ((now - (before ?? now)) / 1000) * (speed ?? this.speed);
        before = now;
        if (at >= (to ?? history.lastStep)) {
          this.playing = false;
          this.session.redraw();
          const follows = to === undefined && this.session.kind === 'live';
          this.choose(follows ? undefined : (to ?? history.lastStep));
          return resolve(true);
        }
        const step = Math.floor(at);
        if (step !== this.chosenStep) this.choose(step);
        requestAnimationFrame(advance);
      };
      requestAnimationFrame(advance);
    });
  }

  stop(): void {
    this.playing = false;
  }

  /** Shows the batch that stays the same, or that of the step looked at, at the same moment or as near to it as there is a picture. */
  show(subject: Subject): void {
    const { step, chosenStep } = this;
    this.wantedSubject = subject;
    if (chosenStep !== undefined) this.choose(step);
  }

  select(cell: Cell): void {
    this.selected = cell;
  }

  private choose(step: number | undefined): void {
    this.chosen = step === undefined ? undefined : { history: this.session.history, step };
  }

  /** Moves the selected cell, staying on the matrix. */
  move(rows: number, columns: number): void {
    const last = this.places.length - 1;
    const clamp = (value: number): number => Math.min(Math.max(value, 0), last);
    this.hovered = undefined;
    this.selected = { row: clamp(this.selected.row + rows), column: clamp(this.selected.column + columns) };
  }
}
