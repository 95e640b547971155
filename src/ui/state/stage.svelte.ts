import type { ResumedRun } from '../../lab/door/views.ts';
import { defaultConfiguration, type Configuration } from '../../settings/configuration.ts';
import { tableOf } from '../../objectives/tables.ts';
import type { LabEvent } from '../../lab/door/protocol.ts';
import type { CorpusSummary, Evaluation, RunRecord, StepRecord } from '../../run/record.ts';
import { History } from './history/history.ts';
import { FIRST_RUN } from './history/recorded.ts';
import { Rate } from './history/rate.ts';

/** A run with what belongs to it, to be looked at. */
export interface ShownRun {
  readonly name: string;
  readonly history: History;
  readonly configuration: Configuration;
  readonly corpus: CorpusSummary | undefined;
  /** Its name in links, where it is one of the recorded runs that come with the page. */
  readonly recordedAs?: string | undefined;
  /** Whether it is the one that the page begins with. */
  readonly isRecorded?: boolean;
  /** What it is, where it is no run that was kept: a lesson's trial. */
  readonly as?: 'trial';
}

/** What the lab tells of the batch that stays the same. */
export type ProbeEvent = LabEvent & { readonly type: 'probe' };

/** What it tells of the labelled collection that is open. */
export type CollectionEvent = LabEvent & { readonly type: 'collection' };

/** The run on the page, and the one trained here where that waits aside; folds what a run reports into its history. */
export class Stage {
  /** Which run is shown: none yet, the recorded one, one that was kept, or the one trained here. */
  kind = $state<'none' | 'recorded' | 'stored' | 'live'>('none');
  /** Name of the kept run that is shown. */
  storedName = $state('');
  /** Name in links of the run that is shown, where it is a recorded one. */
  recordedAs = $state<string>();
  /** What the run shown in the place of the one trained here is. */
  shownAs = $state<'kept' | 'recorded' | 'trial'>('kept');
  /** The run that the last Reset took off the page. */
  runBefore = $state.raw<ShownRun>();
  /** Not reactive in itself: whoever reads it also reads `revision`. */
  history = new History(tableOf(defaultConfiguration()));
  /** Counts drawings: changes when `history` has changed. */
  revision = $state(0);
  /** Configuration of the run shown. */
  configuration = $state.raw<Configuration>(defaultConfiguration());
  /** Corpus of the run shown, or of what was chosen last. */
  corpus = $state.raw<CorpusSummary>();
  /** What the run shown reads, as it is called, whatever is chosen beside it. */
  shownTitle = $state('');
  /** The source that corpus was made from. */
  corpusSource = $state<Configuration['source']>();

  /** The run trained here, while a kept one is looked at. */
  private aside = $state.raw<ShownRun>();
  /** What comes before the first step: scores of the untrained models, and how they see the batch that stays the same. */
  private early: ((history: History) => void)[] = [];
  /** Id of the run that the lab has open, under which it is saved; undefined when none is. */
  runId = $state<string>();
  /** Updates that a resumed run had made when it was put back; its history may be shorter. */
  private resumedAt = $state(0);
  private readonly rate = new Rate();

  /** Whether there is a run trained here to go back to. */
  readonly hasAside = $derived.by(() => this.aside !== undefined);
  /** Updates made by the run trained here. */
  readonly step = $derived.by(() => {
    const history = this.trained;
    return this.revision >= 0 && history ? Math.max(history.lastStep, this.resumedAt) : 0;
  });

  /** Whether a run trained here has begun. */
  get hasRun(): boolean {
    const history = this.trained;
    return history !== undefined && (history.length > 0 || this.resumedAt > 0);
  }

  /** Steps a second of the run trained here. */
  get pace(): number {
    return this.rate.perSecond(performance.now());
  }

  /** The run stands still: what it did until now says nothing of its pace when it goes on. */
  rest(): void {
    this.rate.clear();
  }

  /** Shows the recorded run, unless another is there already. */
  replay(run: RunRecord): void {
    if (this.kind !== 'none') return;
    this.kind = 'recorded';
    this.recordedAs = FIRST_RUN;
    this.history = History.from(run);
    this.configuration = run.configuration;
    if (!this.corpus) this.take(run.corpus, run.configuration.source);
    this.shownTitle = run.corpus.title;
    this.revision++;
  }

  /** Shows a kept run, or the recorded one again; the one trained here waits. */
  show(run: ShownRun): void {
    if (this.kind === 'live') this.aside = this.shown();
    this.kind = run.isRecorded ? 'recorded' : 'stored';
    this.put(run);
  }

  /** Back to the run trained here from a kept one. */
  comeBack(): void {
    const { aside } = this;
    if (!aside) return;
    this.aside = undefined;
    this.kind = 'live';
    this.put(aside);
  }

  /** Begins an empty run, the present one being the run before. */
  begin(configuration: Configuration | undefined): void {
    this.comeBack();
    if (this.kind === 'live' && this.history.length > 0) this.runBefore = this.shown();
    this.kind = 'live';
    this.storedName = '';
    this.recordedAs = undefined;
    this.resumedAt = 0;
    this.rate.clear();
    if (configuration) this.configuration = configuration;
    this.shownTitle = this.corpus?.title ?? '';
    this.history = new History(tableOf(this.configuration));
  }

  /** Begins where a saved run was left. */
  resume({ configuration, step, run, corpus }: ResumedRun): void {
    this.begin(configuration);
    this.early = [];
    if (run) this.history = History.from(run);
    this.take(run?.corpus ?? corpus, configuration.source);
    this.resumedAt = step;
  }

  /** A new configuration was accepted: the run before it, and what was scored for that, are over. */
  renew(configuration: Configuration): void {
    this.early = [];
    if (this.kind === 'live') this.begin(configuration);
  }

  take(corpus: CorpusSummary | undefined, source: Configuration['source'] | undefined): void {
    this.corpus = corpus;
    this.corpusSource = source;
    if (this.kind === 'live') this.shownTitle = corpus?.title ?? '';
  }

  /** Adds a step of the run trained here, which begins with `configuration` where the step is its first. */
  addStep(record: StepRecord, configuration: Configuration | undefined): void {
    const { step } = record.metrics;
    if (this.aside) {
      // Steps that were on their way when the run was put aside.
      if (step > this.aside.history.lastStep) this.aside.history.add(record);
      return;
    }
    if (this.kind !== 'live' || step <= this.history.lastStep) this.begin(configuration);
    this.early.splice(0).forEach((add) => add(this.history));
    this.history.add(record);
    this.rate.count(performance.now());
  }

  addEvaluation(evaluation: Evaluation): void {
    this.addToTrained((history) => history.addEvaluation(evaluation));
  }

  addCollectionScores({ of, scores }: CollectionEvent): void {
    this.addToTrained((history) => history.addCollectionScores(of, scores));
  }

  addProbe({ of, batch, record }: ProbeEvent): void {
    this.addToTrained((history) => history.addProbe(of, batch, record));
  }

  private addToTrained(add: (history: History) => void): void {
    const { trained } = this;
    if (this.hasRun && trained) add(trained);
    else this.early.push(add);
  }

  /** History of the run trained here, be it shown or aside. */
  private get trained(): History | undefined {
    return this.aside?.history ?? (this.kind === 'live' ? this.history : undefined);
  }

  /** The run on the page. */
  shown(): ShownRun {
    const { history, configuration, corpus, storedName, recordedAs, kind, shownAs } = this;
    return {
      name: storedName,
      history,
      configuration,
      corpus,
      recordedAs,
      isRecorded: kind === 'recorded',
      ...(kind === 'stored' && shownAs === 'trial' ? { as: shownAs } : {}),
    };
  }

  private put({ name, history, configuration, corpus, recordedAs, as }: ShownRun): void {
    this.storedName = name;
    this.recordedAs = recordedAs;
    this.shownAs = recordedAs === undefined ? (as ?? 'kept') : 'recorded';
    this.history = history;
    this.configuration = configuration;
    if (corpus) this.take(corpus, configuration.source);
    this.shownTitle = corpus?.title ?? name;
    this.revision++;
  }
}
