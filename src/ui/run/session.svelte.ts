import { openLab, type LabClient } from '../../lab/client.ts';
import { changedSettings, defaultConfiguration, type Configuration } from '../../lab/configuration.ts';
import type { LabCommand, LabError, LabEvent, LabState } from '../../lab/protocol.ts';
import type { CorpusSummary, Evaluation, RunRecord } from '../../lab/run.ts';
import type { Draft } from '../settings/draft.svelte.ts';
import { load, save } from '../storage.ts';
import { History } from './history.ts';
import { Rate } from './rate.ts';

/** Text of the reader's own, with what to call it. */
export interface OwnText {
  readonly title: string;
  readonly content: string;
}

/** Shortest time between two drawings while events pour in. */
const DRAW_EVERY_MS = 100;
const STORED_TEXT = 'text';

const CONCERNS_RUN: readonly LabCommand['type'][] = ['configure', 'train', 'step', 'reset', 'pause'];

const RESUMES: readonly (LabCommand['type'] | undefined)[] = ['resumeRun', 'importRun'];

/** What a run was started with. */
interface Applied {
  readonly configuration: Configuration;
  readonly text: OwnText;
}

/** A run with what belongs to it, to be looked at. */
export interface ShownRun {
  readonly name: string;
  readonly history: History;
  readonly configuration: Configuration;
  readonly corpus: CorpusSummary | undefined;
}

/** The page's end of a session: folds what the lab says into a run, and asks it for more. The lab starts when needed. */
export class Session {
  /** Which run is shown: none yet, the recorded one, one that was kept, or the one trained here. */
  kind = $state<'none' | 'recorded' | 'stored' | 'live'>('none');
  /** Name of the kept run that is shown. */
  storedName = $state('');
  /** The run that the last Reset took off the page. */
  runBefore = $state.raw<ShownRun>();
  /** Why a file that was dropped or chosen is not read. */
  fileProblem = $state<string>();
  /** Text that a file or a resumed run took the place of. */
  textBefore = $state.raw<OwnText>();
  /** Whether it is settled that there is a recorded run, or none. */
  isLoaded = $state(false);
  /** Not reactive in itself: whoever reads it also reads `revision`. */
  history = new History();
  /** Counts drawings: changes when `history` has changed, at most ten times a second. */
  revision = $state(0);
  /** Configuration of the run shown. */
  configuration = $state.raw<Configuration>(defaultConfiguration());
  /** Corpus of the run shown, or of what was chosen last. */
  corpus = $state.raw<CorpusSummary>();
  /** The source that corpus was made from. */
  corpusSource = $state<Configuration['source']>();
  text = $state.raw<OwnText>(load<OwnText>(STORED_TEXT) ?? { title: '', content: '' });

  state = $state<LabState>('idle');
  detail = $state('');
  progress = $state<number>();
  adapter = $state.raw<{ readonly description: string; readonly software: boolean }>();
  error = $state.raw<LabError>();
  /** Whether that error kept a run from starting, so that it has to be seen beside the run too. */
  errorStoppedRun = $state(false);
  /** Train or Step was pressed, and the lab is not there yet. */
  private starting = $state(false);
  stepsPerSecond = $state(0);

  /** The run trained here, while a kept one is looked at. */
  private aside = $state.raw<ShownRun>();
  private listeners: readonly ((event: LabEvent) => void)[] = [];
  private lab: LabClient | undefined;
  private applied = $state.raw<Applied>();
  /** Sent and not yet answered: the lab answers each in turn, with its corpus, an error, or that it was stopped. */
  private pending: (Applied | 'resume')[] = [];
  /** What to ask for once the lab has taken the configuration sent last. */
  private wanted: 'train' | 'step' | undefined;
  /** Scores of the untrained models, which come before the first step. */
  private early: Evaluation[] = [];
  /** Updates that a resumed run had made when it was put back; its history may be shorter. */
  private resumedAt = $state(0);
  private readonly rate = new Rate();
  private drawn = 0;
  private drawing = false;

  readonly isBusy = $derived.by(() => this.starting || this.state === 'running' || this.state === 'preparing');
  /** Updates made by the run trained here. */
  readonly step = $derived.by(() => {
    const history = this.aside?.history ?? (this.kind === 'live' ? this.history : undefined);
    return this.revision >= 0 && history ? Math.max(history.lastStep, this.resumedAt) : 0;
  });
  /** What a Reset would change. */
  readonly waitingChanges = $derived.by(() => {
    if (this.kind !== 'live' || this.step === 0 || !this.applied) return 0;
    const changedText = this.draft.configuration.source === 'text' && this.applied.text !== this.text ? 1 : 0;
    return changedSettings(this.draft.configuration, this.applied.configuration).length + changedText;
  });

  constructor(private readonly draft: Draft) {}

  /** Shows the recorded run if there is one, unless a live one is there already. */
  replay(run: RunRecord | undefined): void {
    this.isLoaded = true;
    if (!run || this.kind !== 'none') return;
    this.kind = 'recorded';
    this.history = History.from(run);
    this.configuration = run.configuration;
    if (!this.corpus) {
      this.corpus = run.corpus;
      this.corpusSource = run.configuration.source;
    }
    this.revision++;
  }

  /** Shows a kept run. The one trained here pauses and waits: Train, Step and Reset go on with it. */
  show(run: ShownRun): void {
    if (this.isBusy) this.pause();
    if (this.kind === 'live') this.aside = this.shown();
    this.kind = 'stored';
    this.put(run);
  }

  /** Whether there is a run trained here to go back to. */
  readonly hasAside = $derived.by(() => this.aside !== undefined);

  /** Back to the run trained here from a kept one. */
  comeBack(): void {
    const { aside } = this;
    if (!aside) return;
    this.aside = undefined;
    this.kind = 'live';
    this.put(aside);
  }

  train(): void {
    this.start('train');
  }

  singleStep(): void {
    this.start('step');
  }

  pause(): void {
    this.wanted = undefined;
    this.starting = false;
    this.lab?.send({ type: 'pause' });
  }

  /** Back to step 0, with the settings as they now stand. Nothing is dropped when those cannot be run. */
  reset(): void {
    if (this.draft.problem || (!this.lab && this.kind !== 'live')) return;
    this.comeBack();
    this.wanted = undefined;
    this.starting = false;
    this.error = undefined;
    const isSame = this.applied && this.waitingChanges === 0 && this.state !== 'failed';
    if (this.lab && isSame) this.lab.send({ type: 'reset' });
    else this.apply(this.text);
  }

  /** Prepares what was chosen so that it can be looked at, unless a run is under way: that waits for Reset. */
  prepare(): void {
    if (this.hasRun() || this.draft.problem) return;
    if (this.draft.configuration.source === 'text' && this.text.content.trim() === '') return;
    this.apply(this.text);
  }

  /**
   * Takes text of the reader's own. What was typed is kept whatever the lab says of it; a file replaces the present text
   * only once the lab has accepted it, at once if a run is on.
   */
  takeText(text: OwnText, from: 'keyboard' | 'file'): void {
    this.draft.chooseSource('text');
    const mustWait = this.hasRun() || this.draft.problem !== undefined;
    if (from === 'keyboard' && text.title === this.text.title) this.keepText(text);
    else if (from === 'keyboard' || mustWait) this.replaceText(text);
    if (!mustWait) this.apply(text);
  }

  /** Exchanges the text with the one it took the place of. */
  bringTextBack(): void {
    if (this.textBefore) this.takeText(this.textBefore, 'keyboard');
  }

  /** Sees to it that the lab has what was chosen, unless a run is on: what is asked of it next concerns that. */
  settle(): void {
    if (this.hasRun() || this.draft.problem) return;
    if (!this.applied || !this.lab || this.differs()) this.apply(this.text);
  }

  /** Asks the lab for what concerns no run: models, searches, files. The answers go to the listeners. */
  send(command: Exclude<LabCommand, { type: 'configure' | 'train' | 'step' | 'pause' | 'reset' }>): void {
    if (RESUMES.includes(command.type)) this.pending.push('resume');
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

  private hasRun(): boolean {
    const { aside } = this;
    if (this.kind !== 'live' && !aside) return false;
    return (aside?.history ?? this.history).length > 0 || this.resumedAt > 0;
  }

  private shown(): ShownRun {
    const { history, configuration, corpus, storedName } = this;
    return { name: storedName, history, configuration, corpus };
  }

  private put({ name, history, configuration, corpus }: ShownRun): void {
    this.storedName = name;
    this.history = history;
    this.configuration = configuration;
    if (corpus) {
      this.corpus = corpus;
      this.corpusSource = configuration.source;
    }
    this.revision++;
  }

  private start(type: 'train' | 'step'): void {
    if (this.draft.problem) return;
    this.comeBack();
    this.error = undefined;
    this.starting = true;
    const isResuming = this.pending.at(-1) === 'resume';
    if (!isResuming && (!this.applied || !this.lab || (!this.hasRun() && this.differs()))) this.apply(this.text);
    // A configuration that turns out to be impossible must not start the one before it instead.
    if (this.pending.length > 0) this.wanted = type;
    else this.lab?.send({ type });
  }

  private differs(): boolean {
    const wanted = this.pending.at(-1) ?? this.applied;
    if (!wanted || wanted === 'resume') return true;
    return changedSettings(this.draft.configuration, wanted.configuration).length > 0 || wanted.text !== this.text;
  }

  private apply(text: OwnText): void {
    this.error = undefined;
    this.errorStoppedRun = false;
    const lab = this.open();
    const { configuration } = this.draft;
    this.pending.push({ configuration, text });
    lab.send({
      type: 'configure',
      configuration,
      ...(configuration.source === 'text' ? { text: text.content, title: text.title || 'The text' } : {}),
    });
  }

  private replaceText(text: OwnText): void {
    const before = this.text;
    this.keepText(text);
    if (before.content.trim() !== '' && before.content !== text.content) this.textBefore = before;
  }

  private keepText(text: OwnText): void {
    if (text === this.text) return;
    this.text = text;
    save(STORED_TEXT, text);
  }

  private hear(event: LabEvent): void {
    for (const listener of this.listeners) listener(event);
    switch (event.type) {
      case 'state':
        this.state = event.state;
        this.detail = event.detail;
        this.progress = event.progress;
        if (event.state === 'running' || event.state === 'paused') this.starting = false;
        if (event.state !== 'running') this.rate.clear();
        break;
      case 'adapter':
        this.adapter = event;
        break;
      case 'corpus':
        this.corpus = event.summary;
        this.adopt();
        this.corpusSource = this.applied?.configuration.source;
        break;
      case 'stopped':
        this.pending.shift();
        // Train was pressed again before the lab's answer to the pause came.
        if (this.pending.length === 0 && this.wanted) this.apply(this.text);
        break;
      case 'step':
        if (this.aside) {
          // Steps that were on their way when the run was put aside.
          if (event.record.metrics.step > this.aside.history.lastStep) this.aside.history.add(event.record);
          break;
        }
        if (this.kind !== 'live' || event.record.metrics.step <= this.history.lastStep) this.begin();
        this.early.splice(0).forEach((evaluation) => this.history.addEvaluation(evaluation));
        this.history.add(event.record);
        this.rate.count(performance.now());
        break;
      case 'evaluation':
        if (this.hasRun()) (this.aside?.history ?? this.history).addEvaluation(event.evaluation);
        else this.early.push(event.evaluation);
        break;
      case 'reset':
        if (this.kind === 'live') this.begin();
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
    if (event.type === 'step') this.draw();
    else this.revision++;
  }

  /** The lab has taken the configuration sent last: what ran before is gone. */
  private adopt(): void {
    // A run that is being put back brings a corpus too; what it was made with comes at its end.
    if (this.pending[0] === 'resume') return;
    const taken = this.pending.shift();
    if (!taken || taken === 'resume') return;
    this.applied = taken;
    this.early = [];
    this.replaceText(taken.text);
    if (this.kind === 'live') this.begin();
    this.goOn();
  }

  /** Asks for what was wanted as soon as everything sent before is answered. */
  private goOn(): void {
    if (this.pending.length > 0 || !this.wanted) return;
    this.lab?.send({ type: this.wanted });
    this.wanted = undefined;
  }

  private begin(): void {
    this.comeBack();
    if (this.kind === 'live' && this.history.length > 0) this.runBefore = this.shown();
    this.kind = 'live';
    this.storedName = '';
    this.history = new History();
    this.resumedAt = 0;
    this.rate.clear();
    if (this.applied) this.configuration = this.applied.configuration;
  }

  /** A saved run stands where it was left: the settings and the text are its own again. */
  private resume({ configuration, text, title, step, run }: Extract<LabEvent, { type: 'resumed' }>): void {
    if (this.pending[0] === 'resume') this.pending.shift();
    if (text !== undefined) this.replaceText({ title: title ?? '', content: text });
    this.applied = { configuration, text: this.text };
    this.draft.adopt(configuration);
    this.error = undefined;
    this.starting = this.wanted !== undefined;
    this.begin();
    this.early = [];
    if (run) {
      this.history = History.from(run);
      this.corpus = run.corpus;
    }
    this.corpusSource = configuration.source;
    this.resumedAt = step;
    this.goOn();
  }

  private fail(error: LabError): void {
    if (RESUMES.includes(error.command) && this.pending[0] === 'resume') {
      this.pending.shift();
      this.starting = false;
      this.wanted = undefined;
    }
    // What went wrong elsewhere (a download, a search) is shown where it was asked for.
    if (error.command && !CONCERNS_RUN.includes(error.command)) return;
    if (error.kind === 'badInput' || error.kind === 'badSetting') {
      const refused = this.pending.shift();
      // What a newer configuration has overtaken concerns nobody any more.
      if (this.pending.length > 0) return;
      if (refused !== 'resume' && refused?.configuration.source === 'text' && error.kind === 'badInput') {
        // What is typed stays in its field; a file that is refused never got there.
        const isShown = refused.text === this.text;
        error = { ...error, action: isShown ? 'Your text stays as it is.' : 'The text you had before is kept.' };
      }
    }
    this.error = error;
    this.starting = false;
    this.errorStoppedRun = this.wanted !== undefined;
    this.wanted = undefined;
    if (error.kind !== 'bug') return;
    // Whatever state the worker is in, a new one begins cleanly.
    this.lab?.close();
    this.lab = undefined;
    this.applied = undefined;
    this.pending = [];
    this.state = 'failed';
  }

  /** Lets the page draw soon: once for all that arrived since. */
  private draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    const wait = Math.max(0, this.drawn + DRAW_EVERY_MS - performance.now());
    setTimeout(() => {
      requestAnimationFrame((now) => {
        this.drawing = false;
        this.drawn = now;
        this.stepsPerSecond = this.state === 'running' ? this.rate.perSecond(performance.now()) : 0;
        this.revision++;
      });
    }, wait);
  }
}
