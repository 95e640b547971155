import type { ObjectiveDefinition } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import type { OpenRun } from './openRun.ts';
import type { BatchView, ProbeRecord, ScoredText } from './record.ts';
import { batchView, viewsOf } from './records.ts';

/** What was seen of the probe at a step, and what the probe is. */
export interface Probed {
  readonly of: ScoredText;
  readonly batch: BatchView;
  readonly record: ProbeRecord;
}

/**
 * Looks, between two steps, at one batch that stays the same through a run: the first of the batches for scores. Changes nothing in
 * the run.
 */
export class Prober {
  #batch: BatchView | undefined;

  constructor(private readonly run: OpenRun) {}

  /** @throws the GPU's errors. */
  async look(): Promise<Probed> {
    const { experiment, prepared } = this.run;
    const { configuration } = prepared.recipe;
    const [batch] = experiment.feed.scored();
    if (!batch) throw new Error('There is no batch for scores: this is a bug.');
    const definition: ObjectiveDefinition = objectiveOf(configuration);
    const { table } = definition;
    const seen = await experiment.trainer.look(batch);
    const wordings = batch.source.chunks.map(({ wording }) => wording);
    const numbers = { ...seen.metrics, ...definition.probed(seen, wordings) };
    const metrics = Object.fromEntries(table.probeMetrics.map(({ key }) => [key, numbers[key]]));
    this.#batch ??= batchView(batch, prepared.corpus, configuration);
    return {
      of: batch.isHeldOut ? 'heldOut' : 'training',
      batch: this.#batch,
      record: { metrics: { ...metrics, step: experiment.optimiser.step }, ...viewsOf(seen, table) },
    };
  }
}
