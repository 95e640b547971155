import { tableOf } from '../../objectives/tables.ts';
import type { Draft } from '../panels/settings/draft.svelte.ts';
import { displayOrder, matrixNamed, type Order } from './display.ts';
import type { Session } from './session.svelte.ts';

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
  /** The step looked at; undefined follows the run. */
  chosenStep = $state<number>();
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
  readonly step = $derived.by(() =>
    this.session.revision >= 0 ? (this.chosenStep ?? this.session.history.lastStep) : 0,
  );
  readonly record = $derived.by(() => {
    const { history, revision } = this.session;
    return revision >= 0 ? history.snapshotAt(this.step) : undefined;
  });
  /** The step that the picture is of: pictures are kept of some steps only. */
  readonly pictured = $derived(this.record?.metrics.step);
  /** Whether the picture changes by itself, so that nobody could read it out as it goes. */
  readonly isMoving = $derived.by(() => this.playing || this.session.state === 'running');
  /** Chunks of the batch looked at, in the order of the axes. */
  readonly places = $derived(this.record ? displayOrder(this.record.batch, this.order) : []);
  /** The cell whose chunks are read side by side: the one under the pointer, else the selected one. */
  readonly cell: Cell = $derived(this.hovered ?? this.selected);

  /** Which playing is the last begun: a frame asked for by one before it does nothing. */
  private playback = 0;

  constructor(
    private readonly session: Session,
    private readonly draft: Pick<Draft, 'configuration'>,
  ) {}

  travel(step: number): void {
    this.playing = false;
    const { history } = this.session;
    const isEnd = step >= history.lastStep && this.session.kind === 'live';
    this.chosenStep = isEnd ? undefined : Math.min(Math.max(step, history.firstStep), history.lastStep);
  }

  follow(): void {
    this.playing = false;
    this.chosenStep = undefined;
  }

  /** Plays from the step looked at, from the beginning when that is the last one. */
  play(): void {
    const { history } = this.session;
    if (history.length < 2) return;
    let at = this.step >= history.lastStep ? history.firstStep : this.step;
    this.chosenStep = at;
    this.playing = true;
    let before: number | undefined;
    const playback = ++this.playback;
    const advance = (now: number): void => {
      if (!this.playing || this.playback !== playback) return;
      if (this.session.history !== history) {
        this.playing = false;
        return;
      }
      at += ((now - (before ?? now)) / 1000) * this.speed;
      before = now;
      if (at >= history.lastStep) {
        this.playing = false;
        this.chosenStep = this.session.kind === 'live' ? undefined : history.lastStep;
        return;
      }
      const step = Math.floor(at);
      if (step !== this.chosenStep) this.chosenStep = step;
      requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
  }

  stop(): void {
    this.playing = false;
  }

  select(cell: Cell): void {
    this.selected = cell;
  }

  /** Moves the selected cell, staying on the matrix. */
  move(rows: number, columns: number): void {
    const last = this.places.length - 1;
    const clamp = (value: number): number => Math.min(Math.max(value, 0), last);
    this.hovered = undefined;
    this.selected = { row: clamp(this.selected.row + rows), column: clamp(this.selected.column + columns) };
  }
}
