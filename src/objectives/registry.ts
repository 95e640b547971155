import type { Configuration } from '../settings/configuration.ts';
import { decoupledSoftmaxDefinition } from './decoupledSoftmax/objective.ts';
import { distillationDefinition } from './distillation/objective.ts';
import { infoNceDefinition } from './infoNce/objective.ts';
import { inverseClozeDefinition } from './inverseCloze/objective.ts';
import { mannWhitneyDefinition } from './mannWhitney/objective.ts';
import type { ObjectiveDefinition } from './objective.ts';
import { replugDefinition } from './replug/objective.ts';
import { revelaDefinition } from './revela/objective.ts';

/** Every objective that can be trained, by the value of the setting `objective`. */
const OBJECTIVES: Readonly<Record<Configuration['objective'], ObjectiveDefinition>> = {
  revela: revelaDefinition,
  infoNce: infoNceDefinition,
  inverseCloze: inverseClozeDefinition,
  decoupledSoftmax: decoupledSoftmaxDefinition,
  mannWhitney: mannWhitneyDefinition,
  replug: replugDefinition,
  distillation: distillationDefinition,
};

/** The objective that a configuration names. */
export function objectiveOf({ objective }: Pick<Configuration, 'objective'>): ObjectiveDefinition {
  return OBJECTIVES[objective];
}
