import { openLab, type LabClient } from '../../lab/door/client.ts';
import { changedSettings, type Configuration } from '../../settings/configuration.ts';
import type { LabCommand, LabError, LabEvent, LabState } from '../../lab/door/protocol.ts';
import type { CorpusSummary, RunRecord } from '../../run/record.ts';
import type { Draft } from '../panels/settings/draft.svelte.ts';
import { Frames } from './history/frames.ts';
import type { History } from './history/history.ts';
import { ReadersText, type OwnText } from './readersText.svelte.ts';
import { Stage, type ShownRun } from './stage.svelte.ts';
import { Unanswered, type Applied } from './unanswered.ts';

const CONCERNS_RUN: readonly LabCommand['type'][] = ['configure', 'train', 'step', 'reset', 'pause'];

const RESUMES: readonly (LabCommand['type'] | undefined)[] = ['resumeRun', 'importRun'];

/** The page's end of a session: hears what the lab says of a run, and asks it for more. The lab starts when needed. */
export class Session {
  /** Why a file that was dropped or chosen is not read. */
  fileProblem = $state<string>();
  /** Whether it is settled that there is a recorded run, or none. */
  isLoaded = $state(false);

  state = $state<LabState>('idle');
  detail = $state('');
  progress = $state<number>();
  adapter = $state.raw<{ readonly description: string; readonly software: boolean }>();
  error = $state.raw<LabError>();
  /** Whether that error kept a run from starting, so that it has to be seen beside the run too. */
  errorStoppedRun = $state(false);
  stepsPerSecond = $state(0);
  /** Train or Step was pressed, and the lab is not there yet. */
  private starting = $state(false);

  /** What is on the page. */
  readonly stage = new Stage();
  readonly reader = new ReadersText();
  /** Which of the things that it was sent the lab has not answered yet. */
  private readonly unanswered = new Unanswered();
  private readonly frames = new Frames(() => {
    this.stepsPerSecond = this.state === 'running' ? this.stage.pace : 0;
    this.stage.revision++;
  });
  private listeners: readonly ((event: LabEvent) => void)[] = [];
  private lab: LabClient | undefined;
  /** What the lab accepted last. */
  private applied = $state.raw<Applied>();

  readonly isBusy = $derived.by(() => this.starting || this.state === 'running' || this.state === 'preparing');
  /** What a Reset would change. */
  readonly waitingChanges = $derived.by(() => {
    if (this.kind !== 'live' || this.step === 0 || !this.applied) return 0;
    const changedText = this.draft.configuration.source === 'text' && this.applied.text !== this.reader.present ? 1 : 0;
    return changedSettings(this.draft.configuration, this.applied.configuration).length + changedText;
  });

  constructor(private readonly draft: Draft) {}

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

  train(): void {
    this.start('train');
  }

  singleStep(): void {
    this.start('step');
  }

  pause(): void {
    this.unanswered.wanted = undefined;
    this.starting = false;
    this.lab?.send({ type: 'pause' });
  }

  /** Back to step 0, with the settings as they now stand. Nothing is dropped when those cannot be run. */
  reset(): void {
    if (this.draft.problem || (!this.lab && this.kind !== 'live')) return;
    this.stage.comeBack();
    this.unanswered.wanted = undefined;
    this.starting = false;
    this.error = undefined;
    const isSame = this.applied && this.waitingChanges === 0 && this.state !== 'failed';
    if (this.lab && isSame) this.lab.send({ type: 'reset' });
    else this.apply(this.reader.present);
  }

  /** Prepares what was chosen so that it can be looked at, unless a run is under way: that waits for Reset. */
  prepare(): void {
    if (this.stage.hasRun || this.draft.problem) return;
    if (this.draft.configuration.source === 'text' && this.reader.present.content.trim() === '') return;
    this.apply(this.reader.present);
  }

  /**
   * Takes text of the reader's own. What was typed is kept whatever the lab says of it; a file replaces the present text
   * only once the lab has accepted it, at once if a run is on.
   */
  takeText(text: OwnText, from: 'keyboard' | 'file'): void {
    this.draft.chooseSource('text');
    const mustWait = this.stage.hasRun || this.draft.problem !== undefined;
    if (from === 'keyboard' && text.title === this.reader.present.title) this.reader.keep(text);
    else if (from === 'keyboard' || mustWait) this.reader.replace(text);
    if (!mustWait) this.apply(text);
  }

  /** Exchanges the text with the one it took the place of. */
  bringTextBack(): void {
    const { before } = this.reader;
    if (before) this.takeText(before, 'keyboard');
  }

  /** Sees to it that the lab has what was chosen, unless a run is on: what is asked of it next concerns that. */
  settle(): void {
    if (this.stage.hasRun || this.draft.problem) return;
    if (!this.applied || !this.lab || this.differs()) this.apply(this.reader.present);
  }

  /** Asks the lab for what concerns no run: models, searches, files. The answers go to the listeners. */
  send(command: Exclude<LabCommand, { type: 'configure' | 'train' | 'step' | 'pause' | 'reset' }>): void {
    if (RESUMES.includes(command.type)) this.unanswered.add('resume');
    this.open().send(command);
  }

  /** Hears every event of the lab. Returns how to stop listening. */
  listen(listener: (event: LabEvent) => void): () => void {
    this.listeners = [...this.listeners, listener];
    return () => {
      this.listeners = this.listeners.filter((one) => one !== listener);
    };
  }

  close(): void {
    this.lab?.close();
  }

  private open(): LabClient {
    return (this.lab ??= openLab((event) => this.hear(event)));
  }

  private start(type: 'train' | 'step'): void {
    if (this.draft.problem) return;
    this.stage.comeBack();
    this.error = undefined;
    this.starting = true;
    const isResuming = this.unanswered.last === 'resume';
    if (!isResuming && (!this.applied || !this.lab || (!this.stage.hasRun && this.differs())))
      this.apply(this.reader.present);
    this.unanswered.wanted = type;
    this.goOn();
  }

  private differs(): boolean {
    const wanted = this.unanswered.last ?? this.applied;
    if (!wanted || wanted === 'resume') return true;
    return (
      changedSettings(this.draft.configuration, wanted.configuration).length > 0 || wanted.text !== this.reader.present
    );
  }

  private apply(text: OwnText): void {
    this.error = undefined;
    this.errorStoppedRun = false;
    const lab = this.open();
    const { configuration } = this.draft;
    this.unanswered.add({ configuration, text });
    lab.send({
      type: 'configure',
      configuration,
      ...(configuration.source === 'text' ? { text: text.content, title: text.title || 'The text' } : {}),
    });
  }

  /** Asks for what was wanted as soon as everything sent before is answered. */
  private goOn(): void {
    const type = this.unanswered.takeWanted();
    if (type) this.lab?.send({ type });
  }

  private hear(event: LabEvent): void {
    for (const listener of this.listeners) listener(event);
    switch (event.type) {
      case 'state':
        this.state = event.state;
        this.detail = event.detail;
        this.progress = event.progress;
        if (event.state === 'running' || event.state === 'paused') this.starting = false;
        if (event.state !== 'running') this.stage.rest();
        break;
      case 'adapter':
        this.adapter = event;
        break;
      case 'corpus':
        this.adopt(event.summary);
        break;
      case 'stopped':
        this.unanswered.answered();
        // Train was pressed again before the lab's answer to the pause came.
        if (this.unanswered.isEmpty && this.unanswered.wanted) this.apply(this.reader.present);
        break;
      case 'step':
        this.stage.addStep(event.record, this.applied?.configuration);
        break;
      case 'evaluation':
        this.stage.addEvaluation(event.evaluation);
        break;
      case 'reset':
        if (this.kind === 'live') this.stage.begin(this.applied?.configuration);
        break;
      case 'resumed':
        this.resume(event);
        break;
      case 'error':
        this.fail(event.error);
        break;
      default:
        // The rest concerns those who asked for it.
        break;
    }
    if (event.type === 'step') this.frames.soon();
    else this.stage.revision++;
  }

  /** The lab has taken the configuration sent last: what ran before is gone. */
  private adopt(corpus: CorpusSummary): void {
    const accepted = this.unanswered.accepted();
    if (accepted) {
      this.applied = accepted;
      this.reader.replace(accepted.text);
      this.stage.renew(accepted.configuration);
    }
    this.stage.take(corpus, this.applied?.configuration.source);
    if (accepted) this.goOn();
  }

  /** A saved run stands where it was left: the settings and the text are its own again. */
  private resume({ configuration, text, title, step, run }: Extract<LabEvent, { type: 'resumed' }>): void {
    this.unanswered.endResume();
    if (text !== undefined) this.reader.replace({ title: title ?? '', content: text });
    this.applied = { configuration, text: this.reader.present };
    this.draft.adopt(configuration);
    this.error = undefined;
    this.starting = this.unanswered.wanted !== undefined;
    this.stage.resume(configuration, step, run);
    this.goOn();
  }

  private fail(error: LabError): void {
    if (RESUMES.includes(error.command) && this.unanswered.endResume()) {
      this.starting = false;
      this.unanswered.wanted = undefined;
    }
    // What went wrong elsewhere (a download, a search) is shown where it was asked for.
    if (error.command && !CONCERNS_RUN.includes(error.command)) return;
    if (error.kind === 'badInput' || error.kind === 'badSetting') {
      const refused = this.unanswered.answered();
      // What a newer configuration has overtaken concerns nobody any more.
      if (!this.unanswered.isEmpty) return;
      if (refused !== 'resume' && refused?.configuration.source === 'text' && error.kind === 'badInput') {
        // What is typed stays in its field; a file that is refused never got there.
        const isShown = refused.text === this.reader.present;
        error = { ...error, action: isShown ? 'Your text stays as it is.' : 'The text you had before is kept.' };
      }
    }
    this.error = error;
    this.starting = false;
    this.errorStoppedRun = this.unanswered.wanted !== undefined;
    this.unanswered.wanted = undefined;
    if (error.kind !== 'bug') return;
    // Whatever state the worker is in, a new one begins cleanly.
    this.lab?.close();
    this.lab = undefined;
    this.applied = undefined;
    this.unanswered.clear();
    this.state = 'failed';
  }
}
