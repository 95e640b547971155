import { isSameText } from '../../lab/door/texts.ts';
import { openLab, type LabClient } from '../../lab/door/client.ts';
import { endsLab, LabFailure, WORKER_LOST, type LabError } from '../../lab/door/labError.ts';
import type { Answers, AskOptions, Door, LabCommand, LabEvent, LabState } from '../../lab/door/protocol.ts';
import type { ResumedRun } from '../../lab/door/views.ts';
import type { CorpusSummary, RunRecord } from '../../run/record.ts';
import { changedSettings, type Configuration } from '../../settings/configuration.ts';
import type { Draft, Problem } from '../panels/settings/draft.svelte.ts';
import { differences, Ground, readsSame, withTextKept, type Choice } from './ground.svelte.ts';
import { Frames } from './history/frames.ts';
import type { History } from './history/history.ts';
import { contentOf, isBlank, ReadersText, type OwnText } from './readersText.svelte.ts';
import { Stage, type ShownRun } from './stage.svelte.ts';

/** Characters that are read and cut within a few seconds. */
const READ_AT_ONCE = 1_000_000;

/** The page's end of a session: hears what the lab says of a run, and asks it for more. The lab starts when needed. */
export class Session implements Door {
  /** Whether it is settled that there is a recorded run, or none. */
  isLoaded = $state(false);

  state = $state<LabState>('idle');
  detail = $state('');
  progress = $state<number>();
  gpu = $state.raw<Omit<Extract<LabEvent, { type: 'gpu' }>, 'type'>>();
  error = $state.raw<LabError>();
  /** Whether that error kept a run from starting, so that it has to be seen beside the run too. */
  errorStoppedRun = $state(false);
  /** Whether that error has cost the run that was on all that was not saved. */
  readonly isRunLost = $derived.by(() => this.error !== undefined && endsLab(this.error));
  /** Whether the lab's worker answers no more. */
  isSilent = $state(false);
  stepsPerSecond = $state(0);
  /** Train or Step as it was pressed last, until it is answered or called off. */
  private going = $state.raw<object>();

  /** Finds what is known here of a run that is put back: the page keeps more of it than is saved with its weights. */
  recall: (run: ResumedRun) => Promise<RunRecord | undefined> = ({ run }) => Promise.resolve(run);

  /** What is on the page. */
  readonly stage = new Stage();
  readonly reader = new ReadersText();
  private readonly ground = new Ground();
  private readonly frames = new Frames(() => {
    this.stepsPerSecond = this.state === 'running' ? this.stage.pace : 0;
    this.stage.revision++;
  });
  private listeners: readonly ((event: LabEvent) => void)[] = [];
  private lab: LabClient | undefined;

  /** Whether training is asked for or on. */
  readonly isGoing = $derived.by(() => this.going !== undefined || this.state === 'running');
  /** The same, and while a text is only prepared to be looked at. */
  readonly isBusy = $derived.by(() => this.isGoing || this.state === 'preparing');
  /** What differs between what is chosen and the run that is on: Train and Reset begin another for it. */
  readonly waitingChanges = $derived.by(() => {
    const { accepted } = this.ground;
    if (this.kind !== 'live' || this.step === 0 || !accepted) return 0;
    return differences(this.chosen(this.reader.present), accepted);
  });

  /**
   * Whether the run shown is of what is chosen: of the same text, and, if it was trained elsewhere, with the same settings. A
   * record does not keep a text of one's own, so such a run is never taken for it.
   */
  readonly isOfChoice = $derived.by(() => {
    const { accepted } = this.ground;
    const { configuration } = this.draft;
    if (this.kind === 'none' || (this.kind === 'live' && !accepted)) return true;
    if (this.kind === 'live' && accepted) return readsSame(this.chosen(this.reader.present), accepted);
    // Settings that there were not yet when the run was recorded say nothing.
    const changed = changedSettings(configuration, this.configuration).filter((key) => key in this.configuration);
    return configuration.source !== 'text' && changed.length === 0;
  });

  constructor(private readonly draft: Draft) {}

  /** Whether the run on the page is one trained here, on the reader's text as it now stands. */
  readonly isOnPresentText = $derived.by(() => {
    const { accepted } = this.ground;
    if (this.kind !== 'live' || accepted?.configuration.source !== 'text') return false;
    return isSameText(accepted.text, this.reader.present);
  });

  get kind(): Stage['kind'] {
    return this.stage.kind;
  }

  /** Not reactive in itself: whoever reads it also reads `revision`. */
  get history(): History {
    return this.stage.history;
  }

  /** Counts drawings: changes when `history` has changed, at most ten times a second. */
  get revision(): number {
    return this.stage.revision;
  }

  get configuration(): Configuration {
    return this.stage.configuration;
  }

  get corpus(): CorpusSummary | undefined {
    return this.stage.corpus;
  }

  get step(): number {
    return this.stage.step;
  }

  /** Id of the run that the lab has open, and so could go on with at once. */
  get runId(): string | undefined {
    return this.stage.runId;
  }

  /** Ends a worker that answers no more, with all that was not saved; the next request is answered by another. */
  endSilent(): void {
    if (this.isSilent) this.hear({ type: 'lost', error: WORKER_LOST });
  }

  /** What has come in since the last drawing is shown at once. */
  redraw(): void {
    this.stage.revision++;
  }

  /** Shows the recorded run if there is one, unless a live one is there already. */
  replay(run: RunRecord | undefined): void {
    this.isLoaded = true;
    if (run) this.stage.replay(run);
  }

  /** Shows a kept run. The one trained here pauses and waits: Train, Step and Reset go on with it. */
  show(run: ShownRun): void {
    if (this.isBusy) this.pause();
    this.stage.show(run);
  }

  /** Trains what is chosen: goes on with the run that is on if that was made from it, and begins another if not. */
  train(): Promise<void> {
    return this.start('train');
  }

  /** The same for one step. Resolves when it is made, or will not be. */
  singleStep(): Promise<void> {
    return this.start('step');
  }

  pause(): void {
    this.callOff();
    if (this.lab) void this.order('pause');
  }

  /** Back to step 0, with the settings as they now stand. Nothing is dropped when those cannot be run. */
  reset(): void {
    if (this.draft.problem || (!this.lab && this.kind !== 'live')) return;
    this.stage.comeBack();
    this.callOff();
    this.error = undefined;
    const isSame = this.ground.accepted && this.waitingChanges === 0 && this.state !== 'failed';
    if (this.lab && isSame) void this.order('reset');
    else void this.apply(this.reader.present);
  }

  /** Prepares what was chosen so that it can be looked at, unless a run is under way: that waits for Reset. */
  prepare(): void {
    if (this.stage.hasRun || this.draft.problem) return;
    const { present } = this.reader;
    if (this.draft.configuration.source !== 'text' || isReadAtOnce(present)) return void this.apply(present);
    // What was refused or is being read is a text before this one.
    this.ground.giveUp();
    if (this.error?.kind === 'badInput') this.error = undefined;
  }

  /**
   * Takes text of the reader's own: typed, or whole, so that what was there can be brought back. It is kept whatever the lab says of
   * it.
   */
  takeText(text: OwnText, from: 'keyboard' | 'file'): void {
    this.draft.chooseSource('text');
    if (from === 'keyboard' && text.title === this.reader.present.title) this.reader.keep(text);
    else this.reader.replace(text);
    this.prepare();
  }

  /** Exchanges the text with the one it took the place of. */
  bringTextBack(): void {
    const { before } = this.reader;
    if (before) this.takeText(before, 'keyboard');
  }

  /**
   * Sees to it that the lab has what was chosen, unless a run is on: what is asked of it next concerns that.
   * @throws LabFailure when that cannot be run.
   */
  async settle(): Promise<void> {
    if (this.stage.hasRun) return;
    if (!this.draft.problem) return this.ready();
    if (!this.ground.accepted) throw this.unfit(this.draft.problem);
  }

  /** Sees to it that the lab has what is chosen, in the place of a run that is on. @throws LabFailure when that cannot be run. */
  async renew(): Promise<void> {
    if (this.draft.problem) throw this.unfit(this.draft.problem);
    this.stage.comeBack();
    this.callOff();
    await this.ready();
  }

  /** Asks the lab, which is started for it. A saved run that is put back takes the place of the run on the page. */
  ask<C extends LabCommand>(command: C, options?: AskOptions<C['type']>): Promise<Answers[C['type']]> {
    const answer = this.open().ask(command, options);
    if (command.type === 'resumeRun' || command.type === 'importRun') {
      const done = (answer as Promise<ResumedRun>).then(async (run) =>
        this.resume({ ...run, run: await this.recall(run) }),
      );
      // Why it came to nothing is said where it was asked for.
      void this.ground.wait(undefined, undefined, done, () => undefined);
      return done.then(() => answer);
    }
    return answer;
  }

  /** Hears every event of the lab. Returns how to stop listening. */
  listen(listener: (event: LabEvent) => void): () => void {
    this.listeners = [...this.listeners, listener];
    return () => {
      this.listeners = this.listeners.filter((one) => one !== listener);
    };
  }

  close(): void {
    this.frames.stop();
    this.lab?.close();
  }

  private unfit({ key: setting, message }: Problem): LabFailure {
    return new LabFailure({ kind: 'badSetting', message, action: 'Change the setting, then ask again.', setting });
  }

  private open(): LabClient {
    return (this.lab ??= openLab((event) => this.hear(event)));
  }

  private async start(type: 'train' | 'step'): Promise<void> {
    if (this.draft.problem) return;
    this.stage.comeBack();
    this.error = undefined;
    const going = {};
    this.going = going;
    const isReady = await this.isReady(going);
    // Nothing is to be trained any more, or by another press.
    if (this.going !== going) return;
    if (isReady) await this.order(type);
    else this.errorStoppedRun = this.error !== undefined;
    if (this.going === going) this.going = undefined;
  }

  /** Whether the lab has come to stand on what is chosen. What was typed just before the press comes in after it, and is waited for then. */
  private async isReady(going: object): Promise<boolean> {
    for (;;) {
      const isReady = await this.ready().then(
        () => true,
        () => false,
      );
      if (isReady || this.going !== going || !this.ground.isWaiting) return isReady;
    }
  }

  private callOff(): void {
    this.going = undefined;
    this.ground.giveUp();
  }

  /** Asks for what is answered with nothing but its end. */
  private async order(type: 'train' | 'step' | 'pause' | 'reset'): Promise<void> {
    try {
      await this.ask({ type });
    } catch (cause) {
      this.fail(cause);
    }
  }

  private chosen(text: OwnText): Choice {
    return { configuration: this.draft.configuration, text };
  }

  /** Resolves when the lab stands on what is chosen. @throws LabFailure */
  private ready(): Promise<void> {
    return this.ground.has(this.chosen(this.reader.present)) ?? this.apply(this.reader.present);
  }

  private apply(text: OwnText): Promise<void> {
    this.error = undefined;
    this.errorStoppedRun = false;
    this.ground.giveUp();
    const choice = this.chosen(text);
    const { configuration } = choice;
    const { title, ...given } = text;
    const own = configuration.source === 'text' ? { text: given, title: title || 'The text' } : {};
    const control = new AbortController();
    const answer = this.open().ask({ type: 'configure', configuration, ...own }, { signal: control.signal });
    const done = answer.then((corpus) => this.adopt(choice, corpus));
    return this.ground.wait(choice, control, done, (cause) => this.fail(cause, choice));
  }

  private hear(event: LabEvent): void {
    for (const listener of this.listeners) listener(event);
    switch (event.type) {
      case 'state':
        this.state = event.state;
        this.detail = event.detail;
        this.progress = event.progress;
        if (event.state !== 'running') this.stage.rest();
        break;
      case 'gpu':
        this.gpu = event;
        break;
      case 'opened':
        this.stage.runId = event.id;
        break;
      case 'step':
        this.stage.addStep(event.record, this.ground.accepted?.configuration);
        break;
      case 'evaluation':
        this.stage.addEvaluation(event.evaluation);
        break;
      case 'probe':
        this.stage.addProbe(event);
        break;
      case 'collection':
        this.stage.addCollectionScores(event);
        break;
      case 'reset':
        this.stage.runId = undefined;
        if (this.kind === 'live') this.stage.begin(this.ground.accepted?.configuration);
        break;
      case 'lost':
        this.stage.runId = undefined;
        this.fail(new LabFailure(event.error));
        break;
      case 'silent':
        this.isSilent = event.isSilent;
        break;
      default:
        // The rest concerns those who asked for it.
        break;
    }
    if (event.type === 'step' || event.type === 'probe') this.frames.soon();
    else this.stage.revision++;
  }

  /** The lab has taken what was chosen: what ran before is gone. */
  private adopt(choice: Choice, corpus: CorpusSummary): void {
    const { configuration, text } = choice;
    this.ground.accepted = choice;
    this.reader.replace(text);
    this.stage.renew(configuration);
    this.stage.take(corpus, configuration.source);
    this.stage.revision++;
  }

  /** A saved run stands where it was left: the settings and the text are its own again. */
  private resume(run: ResumedRun): void {
    const { configuration, text, title } = run;
    if (text !== undefined) this.reader.replace({ title: title ?? '', ...text });
    this.draft.adopt(configuration);
    this.ground.accepted = this.chosen(this.reader.present);
    this.error = undefined;
    this.stage.resume(run);
    this.stage.revision++;
  }

  /** Says on the page why the run, or the `choice` for the next one, came to nothing. */
  private fail(cause: unknown, choice?: Choice): void {
    if (!(cause instanceof LabFailure)) throw cause;
    const { error } = cause;
    if (error.kind === 'stopped') return;
    this.error = choice ? withTextKept(error, choice) : error;
    if (!endsLab(error)) return;
    // Whatever state the worker is in, a new one begins cleanly.
    this.lab?.close(error);
    this.lab = undefined;
    this.isSilent = false;
    this.ground.clear();
    this.going = undefined;
    this.state = 'failed';
  }
}

/** Whether a text is prepared as soon as it is there. Longer ones are looked at first, and prepared when something is asked of them. */
function isReadAtOnce(text: OwnText): boolean {
  return !isBlank(text) && contentOf(text).length <= READ_AT_ONCE;
}
