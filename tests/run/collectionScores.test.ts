import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LabelledCollection } from '../../src/evaluation/collections/collection.ts';
import { measure } from '../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../src/evaluation/measures/scores.ts';
import { bm25System, CollectionWords } from '../../src/evaluation/systems/lexical.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { CollectionScorer, runEmbedder } from '../../src/run/collectionScores.ts';
import { trainingLoop, type RunEvent, type ScoredCollection } from '../../src/run/loop.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import type { RunRecord } from '../../src/run/record.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { readRun as readRunFile, writeRun } from '../../src/ui/panels/runs/records/runFile.ts';
import { configure } from '../../src/settings/configuration.ts';
import { saveTraining } from '../../src/training/state.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1, warmup: 1 };
const STRONG = { learningRate: 0.01 };

async function open(changes: Record<string, unknown> = {}): Promise<OpenRun> {
  const recipe = { configuration: configure({ ...TINY, ...STRONG, ...changes }), text: undefined, title: undefined };
  const prepared = await prepareRun(recipe, {
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    signal: new AbortController().signal,
  });
  return openRun(runtime, prepared, {});
}

/** The facts of a run's sample as a collection: a chunk asks for the other one of its fact. */
function factsOf({ prepared: { corpus } }: OpenRun, facts = 12): LabelledCollection {
  const pairs = Array.from({ length: facts }, (_, i) => corpus.chunks.filter(({ document }) => document === i));
  return {
    title: 'Facts asked',
    documents: pairs.map(([one], i) => ({ id: `d${i}`, title: '', text: one?.text ?? '' })),
    queries: pairs.map(([, other], i) => ({ id: `q${i}`, text: other?.text ?? '' })),
    qrels: new Map(pairs.map((_, i) => [`q${i}`, new Map([[`d${i}`, 1]])])),
    notices: [],
  };
}

/** Trains up to a step; everything that happened, and the weights at the end. */
async function trained(changes: Record<string, unknown>, until: number, collection?: Partial<ScoredCollection>) {
  const run = await open(changes);
  const log = new RunLog({ mostSteps: Infinity, keepsPicture: () => true });
  const events: RunEvent[] = [];
  const loop = trainingLoop(run, {
    log,
    isWanted: (step) => step < until,
    evaluateEvery: 2,
    probeEvery: undefined,
    evaluatesAtEnd: true,
    isSaved: () => false,
    save: () => Promise.resolve(),
    collection: collection && { scorer: new CollectionScorer(factsOf(run)), every: 2, ...collection },
  });
  for await (const event of loop) events.push(event);
  const { tensors } = await saveTraining(runtime, run.experiment.optimiser);
  const { recipe, corpus } = run.prepared;
  const record: RunRecord = JSON.parse(
    JSON.stringify(
      log.record({ name: 'A run', configuration: recipe.configuration, corpus: corpus.summary, adapter: 'test' }),
    ),
  ) as RunRecord;
  run.experiment.destroy();
  return { events, tensors, record };
}

test.each([
  {},
  { centring: true, pooling: 'mean' },
  { trained: 'lora', rank: 2, retrieverDepth: 1, layers: 2 },
  { objective: 'infoNce' },
])('training with %o is to the bit what it is without a collection', async (changes) => {
  const without = await trained(changes, 5);
  const scored = await trained(changes, 5, {});
  const steps = scored.events.flatMap((one) => (one.type === 'collection' ? [one.scores.step] : []));
  expect(steps).toEqual([0, 2, 4, 5]);
  expect(scored.tensors).toEqual(without.tensors);
  const lossesOf = ({ record }: typeof without) => record.metrics.map(({ loss }) => loss);
  expect(lossesOf(scored)).toEqual(lossesOf(without));
  expect(scored.record.evaluations).toEqual(without.record.evaluations);
  expect(without.record.collection).toBeUndefined();
});

test('scores are those of ranking all documents by cosine, with BM25 beside, and the same each time', async () => {
  const run = await open({ centring: true });
  const collection = factsOf(run);
  await run.experiment.trainer.step();
  const result = await new CollectionScorer(collection).score(run);
  // By hand: the vectors of the run's retriever, each document's cosine with each query.
  const { embed, dimensions } = runEmbedder(run);
  const texts = {
    documents: collection.documents.map(({ text }) => text),
    queries: collection.queries.map(({ text }) => text),
  };
  const [documents, queries] = [await embed('passage', texts.documents, {}), await embed('query', texts.queries, {})];
  const dot = (q: number, d: number): number => {
    let sum = 0;
    for (let k = 0; k < dimensions; k++)
      sum += (queries[q * dimensions + k] ?? 0) * (documents[d * dimensions + k] ?? 0);
    return sum;
  };
  const rankings = new Map(
    collection.queries.map(({ id }, q) => [
      id,
      collection.documents.map((document, d) => ({ id: document.id, score: dot(q, d) })),
    ]),
  );
  const expected = scoresOf(rankings, collection.qrels, [measure('ndcg@10')]).means.get('ndcg@10') ?? NaN;
  expect(result?.scores.means['ndcg@10']).toBeCloseTo(expected, 6);
  expect(result?.scores.step).toBe(1);
  expect(result?.perQuery.queries).toHaveLength(12);
  const bm25 = scoresOf(await bm25System(new CollectionWords(collection)).rank({ depth: 1000 }), collection.qrels, [
    measure('ndcg@10'),
  ]);
  expect(result?.of).toMatchObject({ title: 'Facts asked', documents: 12, queries: 12 });
  expect(result?.of.beside['bm25']?.['ndcg@10']).toBe(bm25.means.get('ndcg@10'));
  expect(await new CollectionScorer(collection).score(run)).toEqual(result);
  const left = runtime.pool.report().liveBuffers;
  await new CollectionScorer(collection).score(run);
  expect(runtime.pool.report().liveBuffers).toBe(left);
  run.experiment.destroy();
});

test('a curve is kept with the run, and its file is one that the page reads', async () => {
  const { record } = await trained({}, 4, {});
  expect(record.collection).toMatchObject({ title: 'Facts asked', documents: 12, queries: 12 });
  expect(record.collection?.scores.map(({ step }) => step)).toEqual([0, 2, 4]);
  const log = new RunLog({ mostSteps: Infinity, keepsPicture: () => true });
  log.restore(record);
  expect(log.record(record).collection).toEqual(record.collection);
  expect(readRunFile(writeRun(record), 'run.json').metrics).toHaveLength(4);
});

test('scoring that is stopped leaves no scores and no mark; every 0 is before the first step and at the end', async () => {
  const control = new AbortController();
  control.abort();
  const stopped = await trained({}, 3, { signal: control.signal });
  expect(stopped.events.filter(({ type }) => type === 'collection')).toEqual([]);
  expect(stopped.record.collection).toBeUndefined();
  expect(stopped.record.metrics).toHaveLength(3);
  const ends = await trained({}, 3, { every: 0 });
  expect(ends.record.collection?.scores.map(({ step }) => step)).toEqual([0, 3]);
});
