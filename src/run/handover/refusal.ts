import { BadInputError } from '../../base/errors.ts';
import { objectiveOf } from '../../objectives/registry.ts';
import { whyIdle } from '../../settings/applicability.ts';
import type { Configuration } from '../../settings/configuration.ts';

/** A run that cannot go on elsewhere as it is set. */
export class HandoverRefusedError extends BadInputError {
  override readonly name = 'HandoverRefusedError';
  override readonly action = 'The run goes on here, and its adapters can be taken home.';
}

/** Why a run cannot be handed over, in words; undefined where it can. */
export function whyNotHandedOver(configuration: Configuration): string | undefined {
  const { objective, hardNegatives } = configuration;
  if (objective === 'replug')
    return 'REPLUG cannot be handed over: its language model judges every pair of chunks in a pass of its own, which the runner does not do. Train it here.';
  if (hardNegatives === 'mined' && whyIdle('hardNegatives', configuration) === undefined)
    return 'Mined hard negatives cannot be handed over: which they are hangs on the retriever to come, and batches are written now. Choose those by words, or none.';
  if (!objectiveOf(configuration).learners(configuration).retriever && !learnsText(configuration))
    return 'Nothing learns in this run, so there is nothing to go on with.';
  return undefined;
}

function learnsText(configuration: Configuration): boolean {
  return objectiveOf(configuration).learners(configuration).languageModel || configuration.learnGate;
}
