import { CorpusError, requireInteger } from '../../corpus/errors.ts';
import { attributeGain } from '../../objectives/revela/attribution.ts';
import { inspectPair } from '../../objectives/revela/inspection.ts';
import { isRevelaBatch, withLanguageModel } from '../../objectives/revela/objective.ts';
import { revelaOptions } from '../../objectives/revela/options.ts';
import type { OpenRun } from '../../run/openRun.ts';
import { batchView } from '../../run/records.ts';
import type { CommandOf } from '../door/protocol.ts';
import type { AttributionView, InspectedBatch, PairView } from '../door/views.ts';

/** Looks inside the run that is open, between two of its steps; the steps that follow are the same to the bit. */
export class InspectDesk {
  /** @throws CorpusError for a step, pair or layer that is not there; the GPU's errors. */
  async pair(command: CommandOf<'inspectPair'>, run: OpenRun): Promise<PairView> {
    const { of, batch, models, options, layers } = looking(command.step, run);
    const last = batch.labels.length - 1;
    requireInteger('The chunk that reads', command.query, 0, last);
    requireInteger('The chunk that is read', command.context, 0, last);
    if (command.query === command.context)
      throw new CorpusError('invalid-option', 'No chunk reads itself. Choose a cell off the diagonal.');
    if (command.layer !== undefined) requireInteger('The layer', command.layer, 0, layers - 1);
    return { ...of, ...(await inspectPair(run.runtime, models, batch.tokens, options, command, batch.fixedAttention)) };
  }

  /**
   * `onProgress` is told the share of the passes that are done.
   * @throws CorpusError for a step that is not there; what stopping throws; the GPU's errors.
   */
  async attribute(
    { step }: CommandOf<'attribute'>,
    run: OpenRun,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (fraction: number) => void },
  ): Promise<AttributionView> {
    const { of, batch, models, options } = looking(step, run);
    const { tokens, fixedAttention } = batch;
    return {
      ...of,
      ...(await attributeGain(run.runtime, models, tokens, options, { fixedAttention, signal, onProgress })),
    };
  }
}

/** The batch of a step or the probe, and what is needed to look at it. @throws CorpusError where there is nothing to look at. */
function looking(step: number | 'probe', { experiment, prepared }: OpenRun) {
  const { optimiser, feed } = experiment;
  const { configuration } = prepared.recipe;
  if (step !== 'probe') requireInteger('The step to look at', step, 1, Math.max(1, optimiser.step));
  // Of a step with several batches, its record shows the last.
  const batch = step === 'probe' ? feed.scored()[0] : feed.batchAt(step * configuration.accumulation - 1);
  if (!batch || !isRevelaBatch(batch))
    throw new CorpusError(
      'invalid-option',
      'There is no in-batch attention to look into: this run trains the retriever without a language model.',
    );
  const models = withLanguageModel(experiment.models);
  const { layers } = models.languageModel.config;
  const of: InspectedBatch = {
    step,
    updates: optimiser.step,
    batch: batchView(batch, prepared.corpus, configuration),
  };
  return { of, batch, models, options: revelaOptions(configuration, layers), layers };
}
