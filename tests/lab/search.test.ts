import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { collate } from '../../src/corpus/batches/collation.ts';
import { CorpusError } from '../../src/corpus/errors.ts';
import { configure } from '../../src/settings/configuration.ts';
import { setUpCorpus, type CorpusSetup } from '../../src/run/corpusSetup.ts';
import { embedTexts } from '../../src/run/embedding.ts';
import { openExperiment, type Experiment } from '../../src/run/assemble.ts';
import { askedFor } from '../../src/lab/desks/askedFor.ts';
import { SEARCH_SIDES } from '../../src/lab/door/views.ts';
import { CorpusIndex } from '../../src/lab/desks/search.ts';
import { l2Normalize } from '../../src/ops/l2Normalize.ts';
import { poolRows, POOLINGS } from '../../src/ops/pooling.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { EPS_F32, expectClose } from '../harness/numerics.ts';

const TEXT = Array.from(
  { length: 10 },
  (_, i) => `Essay ${i}\n\nThe number ${i} is curious. People count to ${i} for ages. Nobody minds it.`,
).join('\n\n---\n\n');
const SMALL = { layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, chunks: 4, chunkTokens: 24, vocabulary: 300 };
const CONFIGURATION = configure({ source: 'text', heldOutBatches: 1, learningRate: 0.01, warmup: 0, ...SMALL });

let runtime: Runtime;
let corpus: CorpusSetup;
let experiment: Experiment;
beforeAll(async () => {
  runtime = await openTestRuntime();
  corpus = await setUpCorpus(CONFIGURATION, { text: pastedText('Numbers', TEXT) });
  experiment = await openExperiment(runtime, CONFIGURATION, corpus);
});
afterAll(() => runtime.destroy());

const embed = (texts: readonly string[], options: Partial<Parameters<typeof embedTexts>[4]> = {}) =>
  embedTexts(runtime, experiment.models.retriever, corpus.retrieverTokenizer, texts, {
    role: 'passage',
    pooling: 'mean',
    maxTokens: 24,
    ...options,
  });

describe('embedTexts', () => {
  // One layer of sums of 16 products, then a row scaled to length 1.
  const TOLERANCE = { abs: 100 * EPS_F32 };
  const TEXTS = ['A', 'The number 7 is curious.', 'Nobody', 'People count to 3 for ages. '.repeat(9), 'Nobody'];

  test.each(POOLINGS)('gives what training sees, %s pooling', async (pooling) => {
    const { retriever } = experiment.models;
    const options = { maxLength: 24, firstHalf: false, firstHalfRatio: 0.5, prefixes: true };
    const { queryIds, passageIds, queryContent, passageContent } = collate(TEXTS, options, corpus.retrieverTokenizer);
    for (const [role, ids, content] of [
      ['query', queryIds, queryContent],
      ['passage', passageIds, passageContent],
    ] as const) {
      let expected: Promise<Float32Array> | undefined;
      runtime.scope(() => {
        const input = retriever.prepare(runtime, ids, content);
        const { hidden } = retriever.forward(runtime, input);
        expected = runtime.read(l2Normalize(runtime, poolRows(runtime, hidden, input.rows, pooling)));
      });
      await runtime.recorder.flush();
      const actual = await embed(TEXTS, { role, pooling });
      expectClose(role, actual, (await expected) ?? [], TOLERANCE);
    }
  });

  test('the order and the size of batches change nothing but the last bits, and equal texts are equal', async () => {
    const whole = await embed(TEXTS);
    const fractions: number[] = [];
    const single = await embed(TEXTS, { batchTokens: 1, onProgress: (fraction) => fractions.push(fraction) });
    expectClose('embeddings', single, whole, TOLERANCE);
    expect(whole.slice(2 * 16, 3 * 16)).toEqual(whole.slice(4 * 16, 5 * 16));
    // Four distinct texts, each a batch.
    expect(fractions).toHaveLength(5);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  test('rows have length 1, and no text gives no row', async () => {
    const vectors = await embed(TEXTS);
    for (let row = 0; row < TEXTS.length; row++)
      expect(Math.hypot(...vectors.subarray(16 * row, 16 * row + 16))).toBeCloseTo(1, 5);
    expect(await embed([])).toHaveLength(0);
  });

  test('is stopped between batches and leaves nothing behind', async () => {
    const before = runtime.pool.report().liveBuffers;
    const stop = new AbortController();
    const stopped = embed(TEXTS, {
      batchTokens: 1,
      signal: stop.signal,
      onProgress: (done) => done > 0 && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(runtime.pool.report().liveBuffers).toBe(before);
    await embed(TEXTS);
    expect(runtime.pool.report().liveBuffers).toBe(before);
  });

  test('an id beyond the vocabulary is refused and leaves nothing behind', async () => {
    const before = runtime.pool.report().liveBuffers;
    const { retriever } = experiment.models;
    const foreign = Object.create(corpus.retrieverTokenizer, {
      ending: { value: [100_000] },
    }) as typeof corpus.tokenizer;
    const options = { role: 'query', pooling: 'mean', maxTokens: 24 } as const;
    await expect(embedTexts(runtime, retriever, foreign, ['A'], options)).rejects.toThrow(/100000/);
    expect(runtime.pool.report().liveBuffers).toBe(before);
  });
});

describe('CorpusIndex', () => {
  test('ranks chunks by the retriever as trained, as it began, and by words', async () => {
    const index = new CorpusIndex(runtime, experiment.models, corpus, CONFIGURATION);
    expect(index.isStale(0)).toBe(true);
    const progress: number[] = [];
    await index.build(0, { onProgress: (_detail, fraction) => progress.push(fraction) });
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect([index.step, index.isStale(0), index.isStale(1)]).toEqual([0, false, true]);

    const untrained = await index.search('number 7', 3);
    expect(untrained).toMatchObject({ query: 'number 7', step: 0, chunks: corpus.chunks.length });
    // Nothing has been learnt yet: both retrievers are the same.
    expect(untrained.hits.after).toEqual(untrained.hits.before);
    expect(untrained.hits.bm25[0]?.text).toContain('number 7');
    expect(untrained.hits.bm25[0]?.ranks.bm25).toBe(1);
    expect(untrained.hits.tfidf[0]?.text).toContain('number 7');
    // Words that may stand anywhere ask for no document in particular.
    expect(untrained.asked).toBeUndefined();
    const quoted = await index.search(' the NUMBER 7 is  curious', 3);
    expect(quoted.asked).toBe(quoted.hits.tfidf[0]?.document);
    const right = quoted.documents.find(({ document }) => document === quoted.asked);
    expect(right?.first).toMatchObject({ bm25: 1, tfidf: 1, after: right?.first.before });

    for (let step = 0; step < 5; step++) await experiment.trainer.step();
    await index.build(5);
    const trained = await index.search('number 7', corpus.chunks.length);
    expect(trained.hits.before.slice(0, 3).map(({ chunk, score }) => ({ chunk, score }))).toEqual(
      untrained.hits.before.map(({ chunk, score }) => ({ chunk, score })),
    );
    expect(trained.hits.after.map(({ score }) => score)).not.toEqual(trained.hits.before.map(({ score }) => score));
    for (const side of ['after', 'before'] as const) {
      const hits = trained.hits[side];
      expect(hits).toHaveLength(corpus.chunks.length);
      hits.forEach((hit, place) => {
        expect(hit.ranks[side]).toBe(place + 1);
        expect(hit.text).toBe(corpus.chunks[hit.chunk]?.text);
        for (const other of SEARCH_SIDES) {
          const rank = hit.ranks[other];
          const there = trained.hits[other].findIndex(({ chunk }) => chunk === hit.chunk);
          expect(rank).toBe(there < 0 ? undefined : there + 1);
        }
      });
      expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).toSorted((a, b) => b - a));
    }
    index.destroy();
    expect(index.isStale(5)).toBe(true);
  });

  test('gives back the untrained retriever, and keeps what was built when a build is stopped', async () => {
    const before = runtime.pool.report().liveBuffers;
    const index = new CorpusIndex(runtime, experiment.models, corpus, CONFIGURATION);
    await index.build(1);
    const built = index.embeddings;
    await expect(index.build(2, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(CorpusError);
    expect(index.embeddings).toEqual(built);
    expect(index.step).toBe(1);
    await expect(index.search('  ', 3)).rejects.toMatchObject({ code: 'empty-text' });
    index.destroy();
    expect(runtime.pool.report().liveBuffers).toBe(before);
  });
});

test('a query is of the document that is called so or alone holds it, and else of none', () => {
  const chunks = [
    { documentTitle: 'Bread', text: 'Bread rises slowly in a cold room.', document: 0 },
    { documentTitle: 'Bread', text: 'Salt goes in last.', document: 0 },
    { documentTitle: 'Salt', text: 'Salt goes in last, they say of bread.', document: 1 },
  ];
  expect(askedFor(' bread ', chunks)).toBe(0);
  expect(askedFor('rises SLOWLY in\na cold', chunks)).toBe(0);
  expect(askedFor('they say of bread', chunks)).toBe(1);
  // In both, in none, too short to mean anything, or nothing at all.
  for (const query of ['Salt goes in last', 'how to bake bread', 'cold', ' '])
    expect(askedFor(query, chunks)).toBeUndefined();
});
