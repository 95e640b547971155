import { describe, expect, test } from 'vitest';
import { LineProblems } from '../../../src/evaluation/errors.ts';
import { measure } from '../../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../../src/evaluation/measures/scores.ts';
import { qrelsText, readQrels } from '../../../src/evaluation/trec/qrelsFile.ts';
import { readRunFile, runText } from '../../../src/evaluation/trec/runFile.ts';
import type { Qrels, Rankings } from '../../../src/evaluation/types.ts';
import { memorySource } from '../../../src/files/formats/byteSource.ts';
import { GOLDEN_CASES, GOLDEN_FILES, qrelsOf, rankingsOf } from '../goldens.ts';

const source = (text: string, name = 'a.txt') => memorySource(name, new TextEncoder().encode(text));

async function qrelsIn(text: string): Promise<Qrels> {
  const problems = new LineProblems();
  const { lines } = await readQrels(source(text), problems, {});
  problems.refuse('a.txt');
  const qrels = new Map<string, Map<string, number>>();
  for (const { query, document, label } of lines)
    qrels.set(query, (qrels.get(query) ?? new Map<string, number>()).set(document, label));
  return qrels;
}

const NAMES = { AP: 'map', RR: 'mrr', 'R@10': 'recall@10', 'nDCG@10': 'ndcg@10' } as const;

describe('run and qrels files', () => {
  test('give the figures of ir_measures', async () => {
    const { rankings, tag, notices } = await readRunFile(source(GOLDEN_FILES['run.txt']));
    const qrels = await qrelsIn(GOLDEN_FILES['qrels.txt']);
    const scores = scoresOf(rankings, qrels, Object.values(NAMES).map(measure), 'trec-c');
    expect([tag, notices]).toEqual(['tag', []]);
    for (const [query, numbers] of Object.entries(GOLDEN_FILES.expected.ir_measures_per_query))
      for (const [theirs, name] of Object.entries(NAMES))
        expect(scores.perQuery.get(name)?.[scores.queries.indexOf(query)]).toBeCloseTo(numbers[theirs] ?? NaN, 9);
  });

  test('a document that stands twice counts by its last line, and its line is named', async () => {
    const { 'run.txt': text, ir_measures: expected } = GOLDEN_FILES.duplicate_document_in_run;
    const { rankings, notices } = await readRunFile(source(text, 'twice.run'));
    const { means } = scoresOf(rankings, new Map([['q1', new Map([['d1', 1]])]]), ['map', 'mrr'].map(measure));
    expect(expected).toBe(`{'AP': ${means.get('map')}, 'RR': ${means.get('mrr')}}`);
    expect(notices).toEqual([expect.stringContaining('twice.run, line 3: "q1" has "d1" a second time.')]);
  });

  test.each(GOLDEN_CASES)('$name: written and read again, the figures are the same', async ({ qrels: judged, run }) => {
    const qrels = qrelsOf(judged);
    const rankings = rankingsOf(run);
    const again = await readRunFile(source([...runText(rankings, 'tag')].join('')));
    const judgedAgain = await qrelsIn([...qrelsText(qrels)].join(''));
    const measures = ['ndcg@10', 'map', 'mrr', 'recall@100', 'precision@1'].map(measure);
    // A file has no line for a query that found nothing.
    const means = (lists: Rankings, labels: Qrels) => [...scoresOf(lists, labels, measures, 'trec-c').means];
    expect(means(again.rankings, judgedAgain)).toEqual(means(rankings, qrels));
  });
});

test('ids with spaces are refused when they are written', () => {
  expect(() => [...runText(new Map([['q 1', [{ id: 'd', score: 1 }]]]), 'tag')]).toThrow('"q 1" has a space in it');
});

test('lines that cannot be used are named, and nothing is taken', async () => {
  const text = 'q1 Q0 d1 1 high t\nq1 Q0 d2 2 0.5\nq1 Q0 d3 3 -1.5e-3 t\n';
  await expect(readRunFile(source(text, 'bad.run'))).rejects.toThrow(
    'bad.run is not read: 2 lines cannot be used.\nbad.run, line 1: the score "high" is no number.\nbad.run, line 2: it has 5 columns; a run file of TREC has 6.',
  );
});

describe('qrels', () => {
  test.each([
    ['BEIR with a header', 'query-id\tcorpus-id\tscore\nq 1\td 1\t2\nq 1\td2\t0\n'],
    ['BEIR without one, and ends of lines of Windows', 'q 1\td 1\t2\r\nq 1\td2\t0\r\n'],
    ['TREC between tabs', 'q 1\t0\td 1\t2\nq 1\t0\td2\t0'],
  ])('%s', async (_name, text) => {
    expect(await qrelsIn(text)).toEqual(
      new Map([
        [
          'q 1',
          new Map([
            ['d 1', 2],
            ['d2', 0],
          ]),
        ],
      ]),
    );
  });

  test('TREC between spaces, with labels below 0 and as fractions without a rest', async () => {
    expect(await qrelsIn('1 0  d1 -1\n\n1 0 d2   1.0\n')).toEqual(
      new Map([
        [
          '1',
          new Map([
            ['d1', -1],
            ['d2', 1],
          ]),
        ],
      ]),
    );
  });

  test('what cannot be used is named by line', async () => {
    const text = 'query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td1\t1\nq1\td1\t2\nq1\td2\t0.5\nq1 d2\n';
    await expect(qrelsIn(text)).rejects.toThrow(
      [
        'a.txt is not read: 3 lines cannot be used.',
        'a.txt, line 4: "d1" has label 2 for "q1", and 1 on line 2.',
        'a.txt, line 5: the label "0.5" is no whole number.',
        'a.txt, line 6: it has neither the three columns of BEIR nor the four of TREC.',
      ].join('\n'),
    );
  });
});
