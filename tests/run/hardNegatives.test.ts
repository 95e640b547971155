import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { concatenated } from '../../src/files/formats/safetensors.ts';
import type { ContrastiveBatch } from '../../src/objectives/contrastive/contrastive.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { Bm25 } from '../../src/retrieval/bm25.ts';
import type { Embedder } from '../../src/retrieval/embedder.ts';
import { setUpCorpus, type CorpusSetup } from '../../src/run/corpusSetup.ts';
import { hardNegativesOf } from '../../src/run/hardNegatives.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { readRun, restoreRun, saveRun } from '../../src/run/saving.ts';
import { configure } from '../../src/settings/configuration.ts';
import { saveTraining } from '../../src/training/state.ts';
import { seededRandom } from '../harness/numerics.ts';
import { openTestRuntime } from '../harness/runtime.ts';

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };
const PROSE = { ...TINY, source: 'kitchen', vocabulary: 400, chunkTokens: 32 };

/** Vectors that follow from a text alone; counts what it is asked. */
function invented(): Embedder & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    dimensions: 6,
    asked,
    embed(role, texts) {
      asked.push(`${role} ${texts.length}`);
      const vectors = texts.map((text) => {
        const random = seededRandom([...text].reduce((sum, sign) => (31 * sum + sign.charCodeAt(0)) | 0, 7));
        return Array.from({ length: 6 }, () => random() - 0.5);
      });
      return Promise.resolve(Float32Array.from(vectors.flat()));
    },
  };
}

const never: Embedder = { dimensions: 1, embed: () => Promise.reject(new Error('Nobody was to ask.')) };

test('without the setting, and for Revela, there are none', async () => {
  const corpus = await setUpCorpus(configure({ ...TINY }));
  expect(hardNegativesOf(configure({ ...TINY, objective: 'infoNce' }), corpus, never)).toBeUndefined();
  expect(hardNegativesOf(configure({ ...TINY, hardNegatives: 'static' }), corpus, never)).toBeUndefined();
});

describe.each([
  ['prose', PROSE],
  ['facts', TINY],
] as const)('on %s', (_, base) => {
  let corpus: CorpusSetup;
  beforeAll(async () => {
    corpus = await setUpCorpus(configure(base));
  });
  const textsOf = (document: number) =>
    corpus.negatives.chunks.filter((one) => corpus.negatives.documentOf(one) === document).map(({ text }) => text);

  test('no hard negative is of held-out text', () => {
    const heldOut = new Set(corpus.batches.heldOutBatches(20).flatMap(({ chunks }) => chunks.map(({ text }) => text)));
    expect(heldOut.size).toBeGreaterThan(4);
    expect(corpus.negatives.chunks.filter(({ text }) => heldOut.has(text))).toEqual([]);
  });

  test('those by words are the best by BM25 of other documents, and no wrong answer to rows of their own', () => {
    const configuration = configure({
      ...base,
      objective: 'infoNce',
      hardNegatives: 'static',
      hardNegativesPerQuery: 2,
    });
    const negatives = hardNegativesOf(configuration, corpus, never)!;
    const { chunks: pool, documentOf } = corpus.negatives;
    const index = new Bm25(pool.map(({ text }) => text));
    for (const position of [0, 3, 70]) {
      const batch = corpus.batches.batchAt(position);
      const found = negatives.of(position, batch);
      const expected = new Set(
        batch.chunks.flatMap((chunk) =>
          index
            .search(chunk.text, pool.length)
            .filter(({ index: place }) => documentOf(pool[place]!) !== documentOf(chunk))
            .slice(0, 2)
            .map(({ index: place }) => place),
        ),
      );
      expect(found.map(({ text }) => text)).toEqual([...expected].map((place) => pool[place]!.text));
      for (const { text, partners } of found)
        expect(partners).toEqual(
          [...batch.chunks.keys()].filter((row) => textsOf(documentOf(batch.chunks[row]!)).includes(text)),
        );
      expect(negatives.of(position, batch)).toEqual(found);
    }
  });

  test('those that are mined are the nearest of other documents, found every so many steps', async () => {
    const configuration = configure({
      ...base,
      objective: 'infoNce',
      hardNegatives: 'mined',
      hardNegativesPerQuery: 2,
      mineEvery: 3,
      accumulation: 2,
    });
    const embedder = invented();
    const negatives = hardNegativesOf(configuration, corpus, embedder)!;
    const { chunks: pool, documentOf } = corpus.negatives;
    const vectors = await invented().embed(
      'passage',
      pool.map(({ text }) => text),
      {},
    );
    for (let step = 0; step < 5; step++) {
      await negatives.prepare(step);
      for (const position of [2 * step, 2 * step + 1]) {
        const batch = corpus.batches.batchAt(position);
        const queries = await invented().embed(
          'query',
          batch.chunks.map(({ text }) => text),
          {},
        );
        const expected = new Set(
          batch.chunks.flatMap((chunk, row) => {
            const score = (place: number) =>
              [0, 1, 2, 3, 4, 5].reduce((sum, d) => sum + queries[6 * row + d]! * vectors[6 * place + d]!, 0);
            return [...pool.keys()]
              .filter((place) => documentOf(pool[place]!) !== documentOf(chunk))
              .sort((a, b) => score(b) - score(a) || a - b)
              .slice(0, 2);
          }),
        );
        expect(negatives.of(position, batch).map(({ text }) => text)).toEqual(
          [...expected].map((place) => pool[place]!.text),
        );
      }
    }
    expect(embedder.asked.filter((one) => one.startsWith('passage'))).toHaveLength(2);

    // In the middle of the second stretch: what was found goes with the run, and nothing is embedded again.
    const again = hardNegativesOf(configuration, corpus, never)!;
    again.restore(negatives.state()!);
    await again.prepare(5);
    const batch = corpus.batches.batchAt(10);
    expect(again.of(10, batch)).toEqual(negatives.of(10, batch));
    expect(again.of(10, batch).length).toBeGreaterThan(2);
    await expect(again.prepare(6)).rejects.toThrow('Nobody was to ask');

    const other = hardNegativesOf(configure({ hardNegativesPerQuery: 3 }, configuration), corpus, never)!;
    other.restore(negatives.state()!);
    await expect(other.prepare(5)).rejects.toThrow('Nobody was to ask');
  });
});

describe('in a run', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTestRuntime();
  });
  afterAll(() => runtime.destroy());

  async function open(changes: Readonly<Record<string, unknown>>): Promise<OpenRun> {
    const recipe = { configuration: configure(changes), text: undefined, title: undefined };
    const prepared = await prepareRun(recipe, {
      openBases: () => Promise.reject(new Error('No checkpoint is named.')),
      signal: new AbortController().signal,
    });
    return openRun(runtime, prepared, {});
  }

  const record = ({ prepared: { recipe, corpus } }: OpenRun) =>
    new RunLog({ mostSteps: Infinity, keepsPicture: () => true }).record({
      name: 'A run',
      configuration: recipe.configuration,
      corpus: corpus.summary,
      adapter: 'test',
    });

  test('that is saved between two minings goes on bit for bit', async () => {
    const settings = {
      ...TINY,
      objective: 'mannWhitney',
      hardNegatives: 'mined',
      mineEvery: 3,
      learningRate: 0.05,
      warmup: 1,
    };
    const first = await open(settings);
    for (let step = 0; step < 4; step++) await first.experiment.trainer.step();
    const file = await saveRun(first, record(first));
    const seen = [];
    for (let step = 4; step < 7; step++) seen.push((await first.experiment.trainer.step()).metrics);
    const expected = await saveTraining(runtime, first.experiment.optimiser);
    first.experiment.destroy();

    const saved = await readRun(memorySource('run', concatenated(file)));
    expect(saved.minedNegatives?.slice(0, 2)).toEqual(Float32Array.of(3, 6));
    const second = await open(saved.settings);
    await restoreRun(saved, second);
    const again = [];
    for (let step = 4; step < 7; step++) again.push((await second.experiment.trainer.step()).metrics);
    expect(again).toEqual(seen);
    expect(await saveTraining(runtime, second.experiment.optimiser)).toEqual(expected);
    second.experiment.destroy();
  });

  test('they change the loss and not what is drawn: matrices stay [B, B], with centred embeddings too', async () => {
    for (const centring of [false, true]) {
      const steps = await Promise.all(
        ['none', 'static'].map((hardNegatives) => open({ ...TINY, objective: 'infoNce', hardNegatives, centring })),
      );
      const [without, withHard] = [
        await steps[0]!.experiment.trainer.step(),
        await steps[1]!.experiment.trainer.step(),
      ];
      const { pairs, partnersOf } = withHard.batch as unknown as ContrastiveBatch;
      expect(partnersOf.length).toBeGreaterThan(0);
      expect(pairs.passageIds.length).toBe(4 + partnersOf.length);
      expect(withHard.loss).toBeGreaterThan(without.loss);
      for (const key of ['similarity', 'attention']) {
        const [a, b] = [without.matrices[key]!, withHard.matrices[key]!];
        expect(b.length).toBe(16);
        a.forEach((value, at) => expect(Math.abs(value - b[at]!), key).toBeLessThan(1e-4));
      }
      expect(withHard.matrices['similarityGradient']).toHaveLength(16);
      const evaluated = await steps[1]!.experiment.trainer.evaluate();
      expect((evaluated.batches[0]!.batch as unknown as ContrastiveBatch).partnersOf).toEqual([]);
      for (const { experiment } of steps) experiment.destroy();
    }
  });
});
