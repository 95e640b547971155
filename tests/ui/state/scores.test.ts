import { describe, expect, it } from 'vitest';
import { completed, NOTHING_HELD_OUT, type Evaluation, type RunRecord } from '../../../src/run/record.ts';
import { configure } from '../../../src/settings/configuration.ts';
import { runCharts } from '../../../src/ui/panels/charts/runCharts.ts';
import { metricsCsv, metricsJson } from '../../../src/ui/panels/exports/metricsTable.ts';
import { readRun, writeRun } from '../../../src/ui/panels/runs/records/runFile.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import { comparisonLines, scoreSentence } from '../../../src/ui/state/sentences/scores.ts';
import { describe as sentence } from '../../../src/ui/state/sentences/sentence.ts';
import { endOf, record, runOf } from '../records.ts';

const FINDINGS = { retriever: 'cccccccc', untrained: '00000000', tfidf: 'ccccccc0', bm25: 'cccccccc' };

function evaluation(step: number, changes: Partial<Evaluation> = {}): Evaluation {
  const losses = { ntpLoss: 1, isolatedLoss: 1, effectiveDocuments: 1.5 };
  return { step, recallAt1: 0.75, chance: 0.25, tfidfRecallAt1: 0.5, ...losses, ...changes };
}

function run(evaluations: Evaluation[], notices: string[] = []): RunRecord {
  const one = runOf([record(1), record(2)]);
  return { ...one, corpus: { ...one.corpus, notices }, evaluations };
}

const TOO_SHORT = [`${NOTHING_HELD_OUT}, so recall is measured on training batches.`];

describe('what a score is of', () => {
  it.each([
    ['a run that says so', run([evaluation(2, { of: 'heldOut' })], TOO_SHORT), 'heldOut'],
    ['a run that says that it was not', run([evaluation(2, { of: 'training' })]), 'training'],
    ['an earlier run', run([evaluation(2)]), 'heldOut'],
    ['an earlier run on a short text', run([evaluation(2)], TOO_SHORT), 'training'],
  ])('is known of %s', (_, one, of) => {
    expect(completed(one)[0]?.of).toBe(of);
    expect(History.from(one).scored).toBe(of);
  });

  it.each([
    ['heldOut', 'held-out', 'held-out recall@1 (share)', 'On held-out text recall@1 is 0.75, by chance 0.25.'],
    [
      'training',
      'training text',
      'training-text recall@1 (share)',
      'On the training text recall@1 is 0.75, by chance 0.25.',
    ],
  ] as const)('is said wherever it stands: %s', (of, line, column, words) => {
    const history = History.from(run([evaluation(2, { of })]));
    const [, recall] = runCharts({ history, chunks: 4, step: 2 });
    expect(recall?.series.map(({ label }) => label)).toEqual(['batch', line]);
    const [header = ''] = metricsCsv(history).split('\r\n');
    expect(header).toContain(column);
    expect(scoreSentence(history.evaluations[0]!, 'recallAt1')).toBe(words);
    const everything = [metricsCsv(history), metricsJson(history, configure({})), JSON.stringify(recall), words].join();
    if (of === 'training') expect(everything).not.toMatch(/held.?out(?!Batches)/i);
  });
});

describe('what stands beside a score', () => {
  it('are chance, the untrained retriever, TF-IDF and BM25', () => {
    const scores = { untrainedRecallAt1: 0.3, bm25RecallAt1: 0.6 };
    const [, recall] = runCharts({ history: History.from(run([evaluation(2, scores)])), chunks: 4, step: 2 });
    expect(recall?.references).toEqual([
      { label: 'chance', value: 0.25 },
      { label: 'untrained', value: 0.3 },
      { label: 'TF-IDF', value: 0.5 },
      { label: 'BM25', value: 0.6 },
    ]);
  });

  it('is the score before the first step where an earlier run does not say', () => {
    const [first, later] = completed(run([evaluation(0, { recallAt1: 0.2 }), evaluation(2)]));
    expect([first?.untrainedRecallAt1, later?.untrainedRecallAt1]).toEqual([0.2, 0.2]);
    expect(completed(run([evaluation(2)]))[0]?.untrainedRecallAt1).toBeUndefined();
    expect(completed(run([evaluation(0), evaluation(2, { untrainedRecallAt1: 0.1 })]))[1]?.untrainedRecallAt1).toBe(
      0.1,
    );
  });

  it('is compared chunk by chunk, and called better only beyond chance', () => {
    expect(comparisonLines(evaluation(2, { findings: FINDINGS }))).toEqual([
      {
        verdict: 'better',
        short: 'better than untrained (8 : 0)',
        words:
          'better than the untrained retriever: 8 of 8 chunks find their document more often, 0 less often (p = 0.008)',
      },
      {
        verdict: 'no difference',
        short: 'no difference to TF-IDF (1 : 0)',
        words:
          'no difference to TF-IDF that 8 chunks can show: 1 of 8 chunks find their document more often, 0 less often',
      },
      {
        verdict: 'no difference',
        short: 'BM25 (0 : 0)',
        words: 'the same as BM25 on all 8 chunks',
      },
    ]);
    expect(comparisonLines(evaluation(0, { findings: FINDINGS })).map(({ short }) => short)).toEqual([
      'no difference to TF-IDF (1 : 0)',
      'BM25 (0 : 0)',
    ]);
    expect(comparisonLines(evaluation(2))).toEqual([]);
  });
});

describe('what each ranking found, in a file of a run', () => {
  const kept = run([evaluation(2, { of: 'training', findings: FINDINGS, bm25RecallAt1: 1, untrainedRecallAt1: 0 })]);

  it('comes back as it was', () => {
    expect(readRun(writeRun(kept), 'run.json').evaluations).toEqual(kept.evaluations);
    const unknown = { retriever: 'c0', tfidf: 'cc', bm25: '00' };
    const [back] = readRun(writeRun(run([evaluation(2, { findings: unknown })])), 'run.json').evaluations;
    expect(back?.findings).toEqual(unknown);
  });

  it.each([
    [{ ...FINDINGS, retriever: 'yes' }, /evaluations\[0\]\.findings\.retriever is no list of twelfths/],
    [{ ...FINDINGS, tfidf: 'c' }, /evaluations\[0\]\.findings has rankings of different lengths/],
    [{ retriever: 'c' }, /evaluations\[0\]\.findings\.tfidf is missing/],
    ['c', /evaluations\[0\]\.findings is missing or no object/],
  ])('is refused where it is something else: %j', (findings, message) => {
    const text = writeRun(kept).replace(JSON.stringify(FINDINGS), JSON.stringify(findings));
    expect(() => readRun(text, 'run.json')).toThrow(message);
    expect(() => readRun(writeRun(kept).replace('"training"', '"both"'), 'run.json')).toThrow(
      /evaluations\[0\]\.of is neither heldOut nor training/,
    );
  });
});

describe('a small model on prose', () => {
  const said = (scores: Partial<Evaluation>) => {
    const history = History.from(run([]));
    for (let step = 250; step <= 300; step++) history.add(record(step));
    history.addEvaluation(evaluation(300, { of: 'training', ...scores }));
    const configuration = configure({ source: 'kitchen' });
    return sentence({ configuration, ...endOf(history), isMoving: false, order: [0, 1, 2, 3] });
  };

  it('has learnt nothing where it is no better than untrained, whatever its score', () => {
    const none = said({ recallAt1: 0.75, findings: { ...FINDINGS, untrained: FINDINGS.retriever } });
    expect(none.stuck).toBe(true);
    expect(none.text).toContain('After 300 steps the retriever is no better than untrained. On the training text');
    expect(said({ recallAt1: 0.3, findings: FINDINGS }).stuck).toBe(false);
  });

  it('is told apart from a checkpoint, of which that is not known', () => {
    const history = History.from(run([]));
    for (let step = 250; step <= 300; step++) history.add(record(step));
    const configuration = configure({ source: 'kitchen', base: 'checkpoint' });
    expect(sentence({ configuration, ...endOf(history), isMoving: false, order: [0, 1, 2, 3] }).text).not.toContain(
      'from scratch',
    );
  });
});
