import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSummary, Evaluation, RunRecord, StepMetrics, StepRecord } from './record.ts';

/** Metrics of so many steps are kept at most; beyond that every second one goes. */
const MOST_STEPS = 4000;

/** What a run has been so far: its curves, and the pictures of its last step. Goes into the saved file of the run. */
export class RunLog {
  #metrics: StepMetrics[] = [];
  #evaluations: Evaluation[] = [];
  #last: StepRecord | undefined;

  add(record: StepRecord): void {
    this.#metrics.push(record.metrics);
    this.#last = record;
    if (this.#metrics.length > MOST_STEPS)
      this.#metrics = this.#metrics.filter((_, i) => i % 2 === 0 || i === this.#metrics.length - 1);
  }

  addEvaluation(evaluation: Evaluation): void {
    this.#evaluations.push(evaluation);
  }

  clear(): void {
    this.#metrics = [];
    this.#evaluations = [];
    this.#last = undefined;
  }

  /** Goes on from a saved run. */
  restore({ metrics, evaluations, snapshots }: RunRecord): void {
    this.#metrics = [...metrics];
    this.#evaluations = [...evaluations];
    this.#last = snapshots.at(-1);
  }

  record(name: string, configuration: Configuration, corpus: CorpusSummary, adapter: string): RunRecord {
    return {
      version: 1,
      name,
      configuration,
      corpus,
      adapter,
      metrics: this.#metrics,
      snapshots: this.#last ? [this.#last] : [],
      evaluations: this.#evaluations,
    };
  }
}
