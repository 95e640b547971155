import { DECOUPLED_SOFTMAX_TABLE } from './decoupledSoftmax/table.ts';
import { DISTILLATION_TABLE } from './distillation/table.ts';
import { INFO_NCE_TABLE } from './infoNce/table.ts';
import { INVERSE_CLOZE_TABLE } from './inverseCloze/table.ts';
import { MANN_WHITNEY_TABLE } from './mannWhitney/table.ts';
import { REPLUG_TABLE } from './replug/table.ts';
import { REVELA_TABLE } from './revela/table.ts';
import type { ObjectiveTable } from './table.ts';

export * from './table.ts';

/** What each objective tells of itself, by the value of the setting `objective`. Data only: the page takes it from here. */
export const OBJECTIVE_TABLES = {
  revela: REVELA_TABLE,
  infoNce: INFO_NCE_TABLE,
  inverseCloze: INVERSE_CLOZE_TABLE,
  decoupledSoftmax: DECOUPLED_SOFTMAX_TABLE,
  mannWhitney: MANN_WHITNEY_TABLE,
  replug: REPLUG_TABLE,
  distillation: DISTILLATION_TABLE,
} as const satisfies Record<string, ObjectiveTable>;

/** The table of a run's objective. Runs recorded before there was a choice have none in their settings: that was Revela. */
export function tableOf({
  objective = 'revela',
}: {
  readonly objective?: keyof typeof OBJECTIVE_TABLES | undefined;
}): ObjectiveTable {
  return OBJECTIVE_TABLES[objective];
}
