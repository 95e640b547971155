import type { Configuration } from '../settings/configuration.ts';
import type { Probed } from './probe.ts';
import type {
  BatchView,
  CollectionCurve,
  CollectionScores,
  CorpusSummary,
  Evaluation,
  Probe,
  ProbeRecord,
  RunRecord,
  StepMetrics,
  StepRecord,
  TileRecord,
} from './record.ts';

/** The scores of a run on a labelled collection at one step, and what collection that is. */
export interface CollectionScored {
  readonly of: Omit<CollectionCurve, 'scores'>;
  readonly scores: CollectionScores;
}

export interface RunLogOptions {
  /** Metrics of so many steps are kept at most; beyond that every second one goes. */
  readonly mostSteps: number;
  /** Whose pictures are kept beside those of the last step. */
  readonly keepsPicture: (step: number) => boolean;
}

/** Probe records are kept all up to this step, then ever further apart: each by this part of its step after the one before. */
const DENSE_PROBES = 50;
/** Numbers that so many probe records may hold: of larger batches fewer are kept. */
const DENSE_NUMBERS = 250_000;
/** With fewer there is nothing to follow. */
const FEWEST_PROBES = 4;

/** What a run has been so far: its curves, and pictures of some steps. Goes into the saved file of the run. */
export class RunLog {
  #metrics: StepMetrics[] = [];
  #evaluations: Evaluation[] = [];
  #pictures: StepRecord[] = [];
  #probe: (Omit<Probe, 'records'> & { readonly records: ProbeRecord[] }) | undefined;

  #collection: (Omit<CollectionCurve, 'scores'> & { readonly scores: CollectionScores[] }) | undefined;

  constructor(private readonly options: RunLogOptions) {}

  add(record: StepRecord): void {
    const { mostSteps, keepsPicture } = this.options;
    this.#metrics.push(record.metrics);
    if (this.#metrics.length > mostSteps)
      this.#metrics = this.#metrics.filter((_, i) => i % 2 === 0 || i === this.#metrics.length - 1);
    const before = this.#pictures.at(-1);
    if (before && !keepsPicture(before.metrics.step)) this.#pictures.pop();
    this.#pictures.push(record);
  }

  addEvaluation(evaluation: Evaluation): void {
    this.#evaluations.push(evaluation);
  }

  /** The last one is always kept. Of another batch than those before, when a run goes on with other settings, it is the first. */
  addProbe({ of, batch, record }: Probed): void {
    if (!this.#probe || !isSame(this.#probe.batch, batch)) this.#probe = { of, batch, records: [] };
    const { records } = this.#probe;
    const [before, last] = [records.at(-2), records.at(-1)];
    if (before && last && !isFarEnough(before, last)) records.pop();
    records.push(record);
  }

  /** Of another collection than those before they are the first. A step that is scored again has its last scores. */
  addCollectionScores({ of, scores }: CollectionScored): void {
    const before = this.#collection;
    this.#collection =
      before && isSameCollection(before, of)
        ? // What was known beside it once stays known.
          { ...before, beside: { ...before.beside, ...of.beside } }
        : { ...of, scores: [] };
    const list = this.#collection.scores;
    if (list.at(-1)?.step === scores.step) list.pop();
    list.push(scores);
  }

  get lastEvaluation(): Evaluation | undefined {
    return this.#evaluations.at(-1);
  }

  clear(): void {
    this.#metrics = [];
    this.#evaluations = [];
    this.#pictures = [];
    this.#probe = undefined;
    this.#collection = undefined;
  }

  /** Goes on from a saved run. */
  restore({ metrics, evaluations, snapshots, probe, collection }: RunRecord): void {
    this.#metrics = [...metrics];
    this.#evaluations = [...evaluations];
    this.#pictures = [...snapshots];
    this.#probe = probe && { ...probe, records: [...probe.records] };
    this.#collection = collection && { ...collection, scores: [...collection.scores] };
  }

  record(of: {
    readonly name: string;
    readonly configuration: Configuration;
    readonly corpus: CorpusSummary;
    readonly adapter: string;
    readonly tiles?: TileRecord | undefined;
  }): RunRecord {
    const { name, configuration, corpus, adapter, tiles } = of;
    return {
      version: 1,
      name,
      configuration,
      corpus,
      adapter,
      ...(tiles && tiles.measured.length > 0 && { tiles }),
      metrics: this.#metrics,
      snapshots: this.#pictures,
      evaluations: this.#evaluations,
      ...(this.#probe && { probe: this.#probe }),
      ...(this.#collection && { collection: this.#collection }),
    };
  }
}

function isSame(one: BatchView, other: BatchView): boolean {
  const texts = ({ chunks }: BatchView): string => JSON.stringify(chunks.map(({ text, tokens }) => [text, tokens]));
  return one === other || texts(one) === texts(other);
}

function isSameCollection(one: CollectionScored['of'], other: CollectionScored['of']): boolean {
  return one.title === other.title && one.documents === other.documents && one.queries === other.queries;
}

/** Whether a probe record is kept that comes after another. */
function isFarEnough(before: ProbeRecord, { metrics: { step }, ...views }: ProbeRecord): boolean {
  const numbers = Object.values(views).reduce((sum, view) => sum + (Array.isArray(view) ? view.flat().length : 0), 0);
  const dense = Math.min(DENSE_PROBES, Math.max(FEWEST_PROBES, DENSE_NUMBERS / numbers));
  return step - before.metrics.step >= step / dense;
}
