import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSummary, Evaluation, RunRecord, StepMetrics, StepRecord } from './record.ts';

export interface RunLogOptions {
  /** Metrics of so many steps are kept at most; beyond that every second one goes. */
  readonly mostSteps: number;
  /** Whose pictures are kept beside those of the last step. */
  readonly keepsPicture: (step: number) => boolean;
}

/** What a run has been so far: its curves, and pictures of some steps. Goes into the saved file of the run. */
export class RunLog {
  #metrics: StepMetrics[] = [];
  #evaluations: Evaluation[] = [];
  #pictures: StepRecord[] = [];

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

  get lastEvaluation(): Evaluation | undefined {
    return this.#evaluations.at(-1);
  }

  clear(): void {
    this.#metrics = [];
    this.#evaluations = [];
    this.#pictures = [];
  }

  /** Goes on from a saved run. */
  restore({ metrics, evaluations, snapshots }: RunRecord): void {
    this.#metrics = [...metrics];
    this.#evaluations = [...evaluations];
    this.#pictures = [...snapshots];
  }

  record(of: {
    readonly name: string;
    readonly configuration: Configuration;
    readonly corpus: CorpusSummary;
    readonly adapter: string;
  }): RunRecord {
    const { name, configuration, corpus, adapter } = of;
    return {
      version: 1,
      name,
      configuration,
      corpus,
      adapter,
      metrics: this.#metrics,
      snapshots: this.#pictures,
      evaluations: this.#evaluations,
    };
  }
}
