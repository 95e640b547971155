import { describe, expect, test } from 'vitest';
import { measure, type Measure } from '../../../src/evaluation/measures/measures.ts';
import { ranked } from '../../../src/evaluation/measures/order.ts';
import { scoresOf, type Scores } from '../../../src/evaluation/measures/scores.ts';
import type { Qrels } from '../../../src/evaluation/types.ts';
import { GOLDEN_CASES, NO_LABELS, qrelsOf, rankingsOf, type GoldenCase } from '../goldens.ts';

/** Names of measures in other programs, and here. */
const PYTREC: Readonly<Record<string, string>> = {
  ndcg_cut_10: 'ndcg@10',
  ndcg_cut_5: 'ndcg@5',
  ndcg: 'ndcg',
  map: 'map',
  map_cut_10: 'map@10',
  recip_rank: 'mrr',
  recall_1: 'recall@1',
  recall_5: 'recall@5',
  recall_10: 'recall@10',
  recall_100: 'recall@100',
  P_1: 'precision@1',
  P_10: 'precision@10',
  success_1: 'success@1',
  success_10: 'success@10',
  Rprec: 'rprec',
};
const IR_MEASURES: Readonly<Record<string, string>> = {
  'Success@1': 'success@1',
  'R@10': 'recall@10',
  'Judged@10': 'judged@10',
  RR: 'mrr',
  'nDCG@10': 'ndcg@10',
  'AP@10': 'map@10',
  'R@100': 'recall@100',
  AP: 'map',
  'P@10': 'precision@10',
  'AP(rel=2)': 'map(rel=2)',
  'RR(rel=2)': 'mrr(rel=2)',
  'P(rel=2)@10': 'precision(rel=2)@10',
  'R(rel=2)@10': 'recall(rel=2)@10',
};
const BEIR: Readonly<Record<string, string>> = {
  'NDCG@10': 'ndcg@10',
  'MAP@10': 'map@10',
  'MAP@100': 'map@100',
  'Recall@1': 'recall@1',
  'Recall@10': 'recall@10',
  'Recall@100': 'recall@100',
  'P@10': 'precision@10',
  'MRR@10': 'mrr@10',
};
/** What is counted there and is no measure here; and what is measured otherwise, below. */
const COUNTS = ['num_ret', 'num_rel', 'num_rel_ret'];
const OTHERWISE = ['RR@10', 'nDCG(judged_only=True)@10'];

const measures = (names: Readonly<Record<string, string>>): Measure[] => Object.values(names).map(measure);

/** The mean as it is told there. */
function expectMeans(
  scores: Scores,
  names: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, number>>,
) {
  const known = Object.entries(expected).filter(([name]) => ![...COUNTS, ...OTHERWISE].includes(name));
  expect(known.map(([name]) => names[name])).not.toContain(undefined);
  for (const [name, value] of known)
    expect(Math.abs((scores.means.get(names[name] ?? '') ?? NaN) - value), name).toBeLessThan(1e-6);
}

function expectPerQuery(scores: Scores, names: Readonly<Record<string, string>>, expected: GoldenCase['run']) {
  expect([...scores.queries].sort()).toEqual(Object.keys(expected).sort());
  for (const [query, numbers] of Object.entries(expected))
    for (const [name, value] of Object.entries(numbers)) {
      if ([...COUNTS, ...OTHERWISE].includes(name)) continue;
      const values = scores.perQuery.get(names[name] ?? '');
      expect(Math.abs((values?.[scores.queries.indexOf(query)] ?? NaN) - value), `${query} ${name}`).toBeLessThan(1e-6);
    }
}

test('there are 24 cases', () => {
  expect(GOLDEN_CASES).toHaveLength(24);
});

describe.each(GOLDEN_CASES)('$name', ({ qrels: judged, run, expected }) => {
  const qrels = qrelsOf(judged);
  const rankings = rankingsOf(run);

  test('as pytrec_eval', () => {
    const scores = scoresOf(rankings, qrels, measures(PYTREC), 'trec');
    expectMeans(scores, PYTREC, expected.pytrec_eval_mean_over_run_and_qrels);
    expectPerQuery(scores, PYTREC, expected.pytrec_eval_per_query);
  });

  test('as ir_measures, which is trec_eval -c', () => {
    const scores = scoresOf(rankings, qrels, measures(IR_MEASURES), 'trec-c');
    expectMeans(scores, IR_MEASURES, expected.ir_measures_mean_over_all_qrels);
    expectPerQuery(scores, IR_MEASURES, expected.ir_measures_per_query);
    if (expected.ir_measures_rel2) expectMeans(scores, IR_MEASURES, expected.ir_measures_rel2);
    // Ties by id, the lowest first; and lists without what is not judged, as labels below 0 are not.
    const others = { 'RR@10': 'ascending', 'nDCG(judged_only=True)@10': 'descending' } as const;
    for (const [name, ties] of Object.entries(others)) {
      const { of } = measure(ties === 'ascending' ? 'mrr@10' : 'ndcg@10');
      for (const [query, numbers] of Object.entries(expected.ir_measures_per_query)) {
        const labels = qrels.get(query) ?? NO_LABELS;
        const order = ranked(rankings.get(query) ?? [], ties);
        const seen = ties === 'ascending' ? order : order.filter((id) => (labels.get(id) ?? -1) >= 0);
        if (numbers[name] !== undefined) expect(of(seen, labels), `${query} ${name}`).toBeCloseTo(numbers[name], 6);
      }
    }
  });

  // Where there is nothing to average, BEIR raises an error: such a case has no numbers of it.
  const { beir } = expected;
  if (beir)
    test('as BEIR', () => {
      expectMeans(scoresOf(rankings, qrels, measures(BEIR), 'beir'), BEIR, beir);
    });

  test('over all queries that have a relevant document: their mean, with 0 for those left out', () => {
    const scores = scoresOf(rankings, qrels, measures(PYTREC));
    const relevant = withRelevant(qrels);
    expect(scores.queries).toEqual(relevant);
    for (const [theirs, name] of Object.entries(PYTREC)) {
      const values = relevant.map((query) => expected.pytrec_eval_per_query[query]?.[theirs] ?? 0);
      const mean = values.reduce((sum, value) => sum + value, 0) / relevant.length;
      expect(scores.means.get(name) ?? NaN, name).toBeCloseTo(mean, 6);
    }
    expect(scores.missing).toBe([...qrels.keys()].filter((query) => !rankings.has(query)).length);
    expect(scores.withoutRelevant).toBe(qrels.size - relevant.length);
  });
});

function withRelevant(qrels: Qrels): string[] {
  return [...qrels].filter(([, labels]) => [...labels.values()].some((label) => label > 0)).map(([query]) => query);
}
