import type { Configuration } from '../../../../settings/configuration.ts';
import type {
  BatchView,
  Evaluation,
  Probe,
  ProbeRecord,
  RunRecord,
  ScoredText,
  StepMetrics,
  StepRecord,
} from '../../../../run/record.ts';

/** A run as far as it was followed: what lessons take their numbers from, wherever it was trained. */
export interface Observed {
  readonly configuration: Configuration;
  /** Numbers of the steps so far. */
  readonly metrics: readonly StepMetrics[];
  /** The last step with its pictures; undefined before the first. */
  readonly record: StepRecord | undefined;
  readonly evaluations: readonly Evaluation[];
  /** Undefined in records of earlier versions. */
  readonly probe: Probe | undefined;
}

/** A recorded run as it stood after `step` updates. */
export function observedAt(run: RunRecord, step: number): Observed {
  const { configuration, metrics, snapshots, evaluations, probe } = run;
  return {
    configuration,
    metrics: metrics.filter((one) => one.step <= step),
    record: snapshots.findLast((one) => one.metrics.step <= step),
    evaluations: evaluations.filter((one) => one.step <= step),
    probe: probe && { ...probe, records: probe.records.filter((one) => one.metrics.step <= step) },
  };
}

/** What a run tells of itself on its way, as the lab and the training loop do. */
export type Told =
  | { readonly type: 'step'; readonly record: StepRecord }
  | { readonly type: 'evaluation'; readonly evaluation: Evaluation }
  | { readonly type: 'probe'; readonly of: ScoredText; readonly batch: BatchView; readonly record: ProbeRecord };

/** Follows a run from its beginning. */
export class Follower {
  #metrics: StepMetrics[] = [];
  #record: StepRecord | undefined;
  #evaluations: Evaluation[] = [];
  #probe: Probe | undefined;

  constructor(private readonly configuration: Configuration) {}

  hear(event: Told): void {
    if (event.type === 'step') {
      this.#record = event.record;
      this.#metrics.push(event.record.metrics);
    } else if (event.type === 'evaluation') this.#evaluations.push(event.evaluation);
    else {
      const { of, batch, record } = event;
      this.#probe = { of, batch, records: [...(this.#probe?.records ?? []), record] };
    }
  }

  get observed(): Observed {
    return {
      configuration: this.configuration,
      metrics: this.#metrics,
      record: this.#record,
      evaluations: this.#evaluations,
      probe: this.#probe,
    };
  }
}
