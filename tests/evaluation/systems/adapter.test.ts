import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/corpus/random.ts';
import type { LabelledCollection } from '../../../src/evaluation/collections/collection.ts';
import { measure } from '../../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../../src/evaluation/measures/scores.ts';
import { adapterSystem } from '../../../src/evaluation/systems/adapter.ts';
import { CollectionVectors, denseSystem } from '../../../src/evaluation/systems/dense.ts';
import { foldsOf } from '../../../src/evaluation/systems/folds.ts';
import { infoNce, LowRankAdapter, type AdapterExample } from '../../../src/evaluation/systems/lowRankAdapter.ts';
import { EmbeddingIndex } from '../../../src/retrieval/embeddingIndex.ts';
import type { Embedder } from '../../../src/retrieval/embedder.ts';

const unit = (vector: readonly number[]): number[] => vector.map((value) => value / Math.hypot(...vector));
const drawn = (random: Random, width: number): number[] => unit(Array.from({ length: width }, () => random.normal()));

describe('the loss', () => {
  const [width, rank, temperature] = [6, 2, 0.3];
  const random = Random.fromSeed(5);
  const documents = new EmbeddingIndex(
    Float32Array.from(Array.from({ length: 9 }, () => drawn(random, width)).flat()),
    width,
  );
  const batch: AdapterExample[] = [
    { vector: Float32Array.from(drawn(random, width)), relevant: [2], others: [0, 5] },
    { vector: Float32Array.from(drawn(random, width)), relevant: [5, 7], others: [1] },
    { vector: Float32Array.from(drawn(random, width)), relevant: [0], others: [] },
  ];
  const adapter = new LowRankAdapter(width, rank, random);
  for (let i = 0; i < adapter.u.length; i++) adapter.u[i] = random.normal() / 2;
  const zeros = () => ({ u: new Float64Array(adapter.u.length), v: new Float64Array(adapter.v.length) });

  /** Written out once more, in plain loops. */
  function plain(): number {
    const candidates = [...new Set(batch.flatMap(({ relevant, others }) => [...relevant, ...others]))];
    let sum = 0;
    for (const { vector, relevant } of batch) {
      const z = Array.from(vector, (value, d) => {
        let changed = value;
        for (let r = 0; r < rank; r++)
          for (let e = 0; e < width; e++)
            changed += (adapter.u[d * rank + r] ?? 0) * (adapter.v[r * width + e] ?? 0) * (vector[e] ?? 0);
        return changed;
      });
      const y = unit(z);
      const scores = candidates.map(
        (row) => y.reduce((total, value, d) => total + value * (documents.vector(row)[d] ?? 0), 0) / temperature,
      );
      const all = Math.log(scores.reduce((total, score) => total + Math.exp(score), 0));
      for (const row of relevant) sum -= ((scores[candidates.indexOf(row)] ?? 0) - all) / relevant.length;
    }
    return sum / batch.length;
  }

  test('is that of plain loops', () => {
    expect(infoNce(adapter, documents, batch, temperature, zeros())).toBeCloseTo(plain(), 12);
  });

  test('has the gradient of finite differences', () => {
    const gradient = zeros();
    infoNce(adapter, documents, batch, temperature, gradient);
    for (const part of ['u', 'v'] as const)
      for (let i = 0; i < adapter[part].length; i++) {
        const [kept, h] = [adapter[part][i] ?? 0, 1e-5];
        adapter[part][i] = kept + h;
        const above = plain();
        adapter[part][i] = kept - h;
        const below = plain();
        adapter[part][i] = kept;
        expect(gradient[part][i]).toBeCloseTo((above - below) / (2 * h), 7);
      }
  });

  test('changes nothing before it has learnt', () => {
    const fresh = new LowRankAdapter(width, rank, Random.fromSeed(1));
    const vector = batch[0]?.vector ?? [];
    for (const [d, value] of fresh.apply(vector).entries()) expect(value).toBeCloseTo(vector[d] ?? 0, 7);
  });
});

describe('the system', () => {
  const WIDTH = 16;
  const COUNT = 80;
  const random = Random.fromSeed(8);
  const vectors = Array.from({ length: COUNT }, () => drawn(random, WIDTH));
  /** Queries are their documents with two numbers that say the opposite: what a correction of rank 2 puts right. */
  const embedder: Embedder = {
    dimensions: WIDTH,
    embed: (role, texts) =>
      Promise.resolve(
        Float32Array.from(
          texts.flatMap((text) =>
            (vectors[Number(text)] ?? []).map((value, d) => (role === 'query' && d < 6 ? -value : value)),
          ),
        ),
      ),
  };
  const ids = vectors.map((_, i) => i);
  const collection = (answer: (query: number) => number): LabelledCollection => ({
    title: 'mirrored',
    documents: ids.map((i) => ({ id: `d${i}`, title: '', text: String(i) })),
    queries: ids.map((i) => ({ id: `q${i}`, text: String(i) })),
    qrels: new Map(ids.map((i) => [`q${i}`, new Map([[`d${answer(i)}`, 1]])])),
    notices: [],
  });
  const options = { depth: COUNT };
  const rankedBy = (one: LabelledCollection) => new CollectionVectors(one, embedder, 'the embedder');

  test('puts right what frozen vectors have wrong, on queries that it has not learnt from', async () => {
    const mirrored = collection((i) => i);
    const found = rankedBy(mirrored);
    const system = adapterSystem('adapter', found, 0);
    expect(system.words).toBe('the embedder with a low-rank adapter learnt on labels of other folds');
    const score = async (one: { rank: typeof system.rank }): Promise<number> =>
      scoresOf(await one.rank(options), mirrored.qrels, [measure('ndcg@10')]).means.get('ndcg@10') ?? NaN;
    const before = await score(denseSystem('dense', found));
    const after = await score(system);
    expect(before).toBeLessThan(0.6);
    expect(after).toBeGreaterThan(before + 0.2);
    // Again, it is the same to the bit.
    expect(await system.rank(options)).toEqual(await adapterSystem('adapter', found, 0).rank(options));
  });

  test('the labels of a fold change nothing in its own lists', async () => {
    const right = collection((i) => i);
    const [fold = []] = foldsOf(right, 0);
    const swapped = collection((i) => (fold.includes(`q${i}`) ? (i + 7) % COUNT : i));
    const [of, other] = [
      await adapterSystem('a', rankedBy(right), 0).rank(options),
      await adapterSystem('a', rankedBy(swapped), 0).rank(options),
    ];
    for (const query of fold) expect(other.get(query)).toEqual(of.get(query));
    const elsewhere = foldsOf(right, 0)[1]?.[0] ?? '';
    expect(other.get(elsewhere)).not.toEqual(of.get(elsewhere));
  });

  test('without labels it is what it stands on', async () => {
    const none = { ...collection((i) => i), qrels: new Map() };
    const found = rankedBy(none);
    expect(await adapterSystem('a', found, 0).rank(options)).toEqual(await denseSystem('d', found).rank(options));
  });

  test('stops', async () => {
    const stop = new AbortController();
    const ranking = adapterSystem('a', rankedBy(collection((i) => i)), 0).rank({
      ...options,
      signal: stop.signal,
      onProgress: (detail) => detail.startsWith('Learning') && stop.abort(),
    });
    await expect(ranking).rejects.toMatchObject({ code: 'aborted' });
  });
});
