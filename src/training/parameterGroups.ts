import type { Decoder } from '../models/decoder.ts';
import type { ParameterSet } from '../models/parameters.ts';
import type { Learners, ObjectiveModels } from '../objectives/objective.ts';
import type { ParameterGroup } from './optimiser.ts';

/** Names of the parameter groups: their gradient norms are found under these. */
export const RETRIEVER = 'retriever';
export const LANGUAGE_MODEL = 'languageModel';
export const GATES = 'gates';

/**
 * Marks what learns and gives it a name: of each model its adapter, or all weights where it has none; the gates where there
 * are any. @throws Error when a model that should learn has nothing to train.
 */
export function parameterGroups(
  { retriever, languageModel, gates }: ObjectiveModels,
  learns: Learners,
): ParameterGroup[] {
  const groups: ParameterGroup[] = [];
  const train = (name: string, parameters: ParameterSet | undefined, trainable: boolean): void => {
    parameters?.setTrainable(trainable);
    if (!trainable) return;
    if (!parameters) throw new Error(`The ${name} has nothing to train.`);
    groups.push({ name, parameters });
  };
  const own = (model: Decoder | undefined) => model?.adapter?.parameters ?? model?.weights.parameters;
  train(RETRIEVER, own(retriever), learns.retriever);
  train(LANGUAGE_MODEL, own(languageModel), learns.languageModel);
  if (gates) train(GATES, gates.parameters, true);
  return groups;
}
