import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { findingsOf, wordRankings, type ScoredBatches } from '../../src/run/evaluation.ts';
import { Evaluator } from '../../src/run/evaluator.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import { scoreOf } from '../../src/run/record.ts';
import { queryText } from '../../src/corpus/batches/collation.ts';
import { bm25Matrix } from '../../src/retrieval/bm25.ts';
import { configure } from '../../src/settings/configuration.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 2 };
const FAST = { learningRate: 0.1, warmup: 0 };
const PROSE = { source: 'kitchen', vocabulary: 300, firstHalf: true };

async function open(changes: Record<string, unknown> = {}, text?: string): Promise<OpenRun> {
  const given = text === undefined ? undefined : pastedText('The text', text);
  const recipe = { configuration: configure({ ...TINY, ...changes }), text: given, title: undefined };
  const prepared = await prepareRun(recipe, {
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    signal: new AbortController().signal,
  });
  return openRun(runtime, prepared, {});
}

describe.each([
  ['small models', {}],
  ['adapters', { trained: 'lora' }],
  [
    'adapters over the first layer, centred',
    { trained: 'lora', retrieverDepth: 1, pooling: 'content', centring: true },
  ],
  ['InfoNCE', { objective: 'infoNce' }],
  ['half a chunk as query', PROSE],
])('the untrained retriever stands beside every score: %s', (_, changes) => {
  test('it is what was scored before the first step, measured or made once more', async () => {
    const run = await open({ ...FAST, ...changes });
    const evaluator = new Evaluator(run, undefined);
    const first = await evaluator.evaluate();
    expect(first.untrainedRecallAt1).toBe(first['recallAt1']);
    expect(first.findings?.untrained).toBe(first.findings?.retriever);
    for (let step = 0; step < 3; step++) await run.experiment.trainer.step();
    const later = await evaluator.evaluate();
    expect(later.findings?.untrained).toBe(first.findings?.retriever);
    expect(later.findings?.tfidf).toBe(first.findings?.tfidf);
    expect(later.findings?.bm25).toBe(first.findings?.bm25);
    expect(later.findings?.retriever).not.toBe(first.findings?.retriever);

    // A run that goes on finds it in its last evaluation; one whose record says nothing measures it again, with the same result.
    const [told, made] = [await new Evaluator(run, later).evaluate(), await new Evaluator(run, undefined).evaluate()];
    expect([told, made]).toEqual([later, later]);
    run.experiment.destroy();
  });
});

test('what is remembered of other batches is not taken', async () => {
  const run = await open(FAST);
  await run.experiment.trainer.step();
  const right = await new Evaluator(run, undefined).evaluate();
  const findings = { retriever: 'c', untrained: 'c', tfidf: 'c', bm25: 'c' };
  expect(await new Evaluator(run, { step: 0, untrainedRecallAt1: 1, findings }).evaluate()).toEqual(right);
  run.experiment.destroy();
});

test('a run that began with adapters of another is not untrained at its beginning', async () => {
  const run = await open({ trained: 'lora' });
  const plain = await new Evaluator(run, undefined).evaluate();
  const { adapter } = run.experiment.models.retriever;
  for (const spec of adapter!.specs) {
    const { slice, size } = adapter!.parameters.tensor(spec.key);
    runtime.recorder.upload(
      slice,
      Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
    );
  }
  run.experiment.beganWithAdapters = true;
  const begun = await new Evaluator(run, undefined).evaluate();
  expect(begun.findings?.retriever).not.toBe(plain.findings?.retriever);
  expect(begun.findings?.untrained).toBe(plain.findings?.retriever);
  run.experiment.destroy();
});

test('says whether its batches were held out: a short text has none to spare', async () => {
  const short = ['Bees make honey. They live in hives.', 'Snow lies on peaks. It melts in spring.'].join('\n\n---\n\n');
  const small = await open({ source: 'text', vocabulary: 300, chunkTokens: 24 }, short);
  expect((await new Evaluator(small, undefined).evaluate()).of).toBe('training');
  small.experiment.destroy();
  const facts = await open();
  expect((await new Evaluator(facts, undefined).evaluate()).of).toBe('heldOut');
  facts.experiment.destroy();
});

test('rankings by words see as much of the query as the retriever', async () => {
  const run = await open({ ...PROSE, vocabulary: 1000 });
  const { corpus, recipe } = run.prepared;
  const scored = run.experiment.feed.scored();
  const texts = scored[0]!.source.chunks.map(({ text }) => text);
  const whole = wordRankings(scored, corpus, { ...recipe.configuration, firstHalf: false });
  expect(whole.tfidf[0]).toEqual(corpus.tfidf.similarityMatrix(texts));
  expect(whole.bm25[0]).toEqual(bm25Matrix(corpus.terms, texts));
  const half = wordRankings(scored, corpus, recipe.configuration);
  const halves = texts.map((text) =>
    queryText(corpus.retrieverTokenizer, text, {
      maxLength: recipe.configuration.chunkTokens,
      firstHalf: true,
      firstHalfRatio: 0.5,
      prefixes: true,
    }),
  );
  expect(half.tfidf[0]).toEqual(corpus.tfidf.similarityMatrix(texts, halves));
  expect(half.bm25[0]).toEqual(bm25Matrix(corpus.terms, texts, halves));
  expect(half.tfidf[0]).not.toEqual(whole.tfidf[0]);
  run.experiment.destroy();
});

describe('what a ranking finds', () => {
  const batch = (indices: number[], labels: number[]): ScoredBatches[number] => ({
    source: { chunks: indices.map((index) => ({ text: `${index}`, document: 0, documentTitle: '', index })), labels },
    labels,
  });
  const mostLike = (columns: number[]): number[] =>
    columns.flatMap((most) => columns.map((_, j) => (j === most ? 1 : 0)));

  test('is told chunk by chunk: one that asks twice is one, and one without a partner is none', () => {
    const batches = [batch([7, 3, 5], [0, 0, 1]), batch([3, 7, 9], [0, 0, 2])];
    // 7 finds 3 and then 9; 3 finds 7 both times.
    expect(findingsOf(batches, [mostLike([1, 0, 0]), mostLike([1, 2, 0])])).toBe('6c');
  });

  test('shares a first place among those that tie for it', () => {
    expect(findingsOf([batch([1, 2, 3], [0, 0, 1])], [[0, 1, 1, 1, 0, 0, 0, 0, 0]])).toBe('6c');
  });
});

test('scores of a record are numbers or nothing', () => {
  expect(scoreOf({ step: 1, of: 'heldOut', recallAt1: 0.5 }, 'recallAt1')).toBe(0.5);
  expect(scoreOf({ step: 1, of: 'heldOut' }, 'of')).toBeUndefined();
  expect(scoreOf(undefined, 'recallAt1')).toBeUndefined();
});
