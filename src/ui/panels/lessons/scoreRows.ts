import { BM25, TFIDF, UNTRAINED } from '../../../objectives/recallMetrics.ts';
import { scoreOf, type Evaluation } from '../../../run/record.ts';
import { SCORED_WORDS } from '../../../run/significance.ts';
import { whole } from '../../components/format.ts';

/** recall@1 of an evaluation and what stands beside it, each with its name: of what is known. */
export function scoreRows(evaluation: Evaluation | undefined): { readonly label: string; readonly value: string }[] {
  if (!evaluation || scoreOf(evaluation, 'recallAt1') === undefined) return [];
  const over = evaluation.of === undefined ? 'scored' : SCORED_WORDS[evaluation.of];
  const rows = [
    ['recallAt1', `recall@1 ${over}, step ${whole(evaluation.step)}`],
    [UNTRAINED.key, '– of the untrained retriever'],
    [TFIDF.key, '– of TF-IDF'],
    [BM25.key, '– of BM25'],
  ] as const;
  return rows.flatMap(([key, label]) => {
    const value = scoreOf(evaluation, key);
    return value === undefined ? [] : [{ label, value: value.toFixed(2) }];
  });
}
