import { capitalised, decimal } from '../../components/format.ts';
import type { PairWords } from '../../../objectives/tables.ts';
import { insteadWords, type Instead } from '../whatIf/instead.ts';
import type { Effects } from '../whatIf/effects.ts';

/** What would be otherwise, and what would not, if shares were made in another way than the run's. */
export function describeInstead(
  instead: Instead,
  { run, other }: { readonly run: Effects; readonly other: Effects },
  { spread }: Pick<PairWords, 'spread'>,
): string {
  const what = `${capitalised(insteadWords(instead))}:`;
  if (instead.by !== 'learned') {
    const right =
      other.right === undefined ? 'no chunk here has a partner' : `partners would get ${share(other.right)}`;
    const inRun = run.right === undefined ? '' : ` (${share(run.right)} in the run)`;
    return `${what} ${right}${inRun}. Such an A does not follow S, so the retriever would get no gradient.`;
  }
  const read = `${spread} ${decimal(other.meanDocuments)} (${decimal(run.meanDocuments)} in the run)`;
  return `${what} ${read}; A(1−A)/τ, which carries the loss to S, ${carried(run, other)}. The ranking, and so recall, stays.`;
}

function carried({ meanFactor: now }: Effects, { meanFactor: then = 0 }: Effects): string {
  if (then === 0) return '0: nothing of it arrives';
  if (now === undefined || now === 0) return `${decimal(then)} a row`;
  const ratio = then / now;
  if (ratio < 0.01) return 'under 0.01 of the run’s';
  return ratio > 100 ? 'over 100 times the run’s' : `${decimal(ratio)} times the run’s`;
}

function share(value: number): string {
  return `${decimal(value)} of A`;
}
