import { describe, expect, it } from 'vitest';
import { CorpusBatches, trainingChunks } from '../../src/corpus/batches/batching.ts';
import type { BatchingOptions, BatchStrategy } from '../../src/corpus/batches/batching.ts';
import { Random } from '../../src/corpus/random.ts';
import type { Batch, Chunk, Corpus } from '../../src/corpus/types.ts';
import { Bm25 } from '../../src/retrieval/bm25.ts';

/** A corpus whose document d has sizes[d] chunks; chunk texts share words within a document. */
function corpusOf(sizes: readonly number[]): Corpus {
  const chunks: Chunk[] = sizes.flatMap((size, document) =>
    Array.from({ length: size }, (_, i) => ({
      text: `topic${document} common word${document}x${i} word${document}x${i + 1}`,
      document,
      documentTitle: `D${document}`,
      index: 0,
    })),
  );
  const numbered = chunks.map((chunk, index) => ({ ...chunk, index }));
  const documents = sizes.map((chunkCount, document) => ({
    title: `D${document}`,
    firstChunk: numbered.findIndex((chunk) => chunk.document === document),
    chunkCount,
    copyOf: undefined,
    source: document,
  }));
  return { chunks: numbered, documents, chunkTokens: 64, notices: [] };
}

const lexicalIndex = (texts: readonly string[]): Bm25 => new Bm25(texts);
const STRATEGIES: BatchStrategy[] = ['topics', 'adjacent', 'bm25', 'balanced', 'random'];
/** Two clusters where there are chunks enough, the first and the second half of the text. */
const halves = (corpus: Corpus, batchSize: number): number[] => {
  const { length } = trainingChunks(corpus, batchSize);
  return Array.from({ length }, (_, i) => Number(length >= 2 * batchSize && i >= length / 2));
};
const make = (corpus: Corpus, options: BatchingOptions = {}): CorpusBatches =>
  new CorpusBatches(corpus, { lexicalIndex, clusters: halves(corpus, options.batchSize ?? 8), ...options });
const epoch = (source: CorpusBatches, number = 0): Batch[] =>
  Array.from({ length: source.batchesPerEpoch }, (_, i) => source.batchAt(number * source.batchesPerEpoch + i));
const indices = (batches: readonly Batch[]): number[] =>
  batches.flatMap((batch) => batch.chunks.map((chunk) => chunk.index));

describe.each(STRATEGIES)('batches by %s', (strategy) => {
  it('are full, without repeats, and never hold held-out documents', () => {
    const random = Random.fromSeed(1);
    for (let trial = 0; trial < 40; trial++) {
      const sizes = Array.from({ length: 1 + random.integer(15) }, () => 1 + random.integer(9));
      const corpus = corpusOf(sizes);
      const batchSize = 2 + random.integer(11);
      const groupSize = Math.min(batchSize, 2 + random.integer(3));
      const total = corpus.chunks.length;
      if (total < batchSize) continue;
      const source = make(corpus, { strategy, batchSize, groupSize, seed: trial });
      const heldOut = new Set(source.heldOutBatches(50).flatMap((batch) => batch.labels));
      expect(source.batchesPerEpoch).toBeGreaterThan(0);
      for (const batch of [...epoch(source, 0), ...epoch(source, 1)]) {
        expect(batch.chunks).toHaveLength(batchSize);
        expect(new Set(batch.chunks).size).toBe(batchSize);
        expect(batch.labels).toEqual(batch.chunks.map((chunk) => chunk.document));
        expect(batch.labels.filter((label) => heldOut.has(label))).toEqual([]);
      }
      if (strategy !== 'bm25') {
        const used = indices(epoch(source));
        expect(new Set(used).size).toBe(used.length);
      }
    }
  });

  it('depend on seed and step alone', () => {
    const corpus = corpusOf([5, 4, 6, 3, 7, 5, 4, 8]);
    const [a, b, other] = [0, 0, 1].map((seed) => make(corpus, { strategy, seed, batchSize: 6 }));
    const forward = Array.from({ length: 20 }, (_, step) => a?.batchAt(step));
    for (const step of [19, 3, 11, 0]) expect(b?.batchAt(step)).toEqual(forward[step]);
    expect(other?.batchAt(0)).not.toEqual(forward[0]);
    expect(indices(epoch(a as CorpusBatches, 0))).not.toEqual(indices(epoch(a as CorpusBatches, 1)));
    expect(other?.heldOutBatches(4)).toEqual(a?.heldOutBatches(4));
  });
});

describe('CorpusBatches', () => {
  it('by topic gives every row a partner where the sizes allow', () => {
    const source = make(corpusOf([6, 6, 5, 7, 4, 6, 2, 4]), { batchSize: 8 });
    for (const { labels } of [...epoch(source, 0), ...epoch(source, 5), ...source.heldOutBatches(5)]) {
      for (const label of labels) expect(labels.filter((one) => one === label).length).toBeGreaterThan(1);
    }
  });

  it('by topic mixes as many documents as groups fit, and uses all grouped chunks', () => {
    const source = make(corpusOf(new Array<number>(12).fill(4)), { batchSize: 8, groupSize: 4, heldOutShare: 0 });
    const batches = epoch(source);
    expect(indices(batches).sort((a, b) => a - b)).toEqual(Array.from({ length: 48 }, (_, i) => i));
    for (const { labels } of batches) expect(new Set(labels).size).toBe(2);
  });

  it('by topic still works when no document has two chunks', () => {
    const source = make(corpusOf(new Array<number>(9).fill(1)), { batchSize: 4 });
    expect(source.batchAt(3).chunks).toHaveLength(4);
  });

  it('by adjacency takes chunks that follow each other', () => {
    const source = make(corpusOf([40]), { strategy: 'adjacent', batchSize: 5 });
    for (const batch of epoch(source)) {
      const places = indices([batch]).sort((a, b) => a - b);
      const gaps = places.slice(1).map((place, i) => place - (places[i] ?? 0));
      // One batch may run over the end of the document to its beginning.
      expect(gaps.filter((gap) => gap !== 1).length).toBeLessThanOrEqual(1);
    }
  });

  it('by BM25 puts each seed beside its lexical neighbour', () => {
    const source = make(corpusOf(new Array<number>(10).fill(5)), { strategy: 'bm25', batchSize: 2, groupSize: 2 });
    for (const { labels } of epoch(source)) expect(labels[0]).toBe(labels[1]);
  });

  it('holds out whole documents, about the share asked for, in fixed batches', () => {
    const source = make(corpusOf(new Array<number>(16).fill(6)), { heldOutShare: 0.25 });
    const batches = source.heldOutBatches(12);
    expect(batches).toHaveLength(12);
    expect(new Set(batches.flatMap((batch) => batch.labels)).size).toBe(4);
    expect(source.heldOutBatches(5)).toEqual(batches.slice(0, 5));
    expect(make(corpusOf([3, 3, 3, 3]), { batchSize: 6 }).heldOutBatches(1)[0]?.chunks).toHaveLength(6);
  });

  it.each([
    ['one document', [9]],
    ['three documents', [4, 4, 4]],
    ['too few chunks beside a batch', [2, 2, 2, 2]],
  ])('says so when nothing can be held out: %s', (_, sizes) => {
    const source = make(corpusOf(sizes), { batchSize: 8 });
    expect(source.notices.map((notice) => notice.code)).toEqual(['no-held-out']);
    expect(source.heldOutBatches(3)).toEqual([]);
    expect(make(corpusOf(sizes), { batchSize: 8, heldOutShare: 0 }).notices).toEqual([]);
  });

  it.each([
    [{ batchSize: 13 }, 'batch-too-large'],
    [{ batchSize: 1 }, 'invalid-option'],
    [{ batchSize: Number.NaN }, 'invalid-option'],
    [{ groupSize: 9 }, 'invalid-option'],
    [{ heldOutShare: 1 }, 'invalid-option'],
    [{ strategy: 'bm25' as const, lexicalIndex: undefined }, 'invalid-option'],
  ])('refuses %j', (options, code) => {
    expect(() => make(corpusOf([6, 6]), options)).toThrow(expect.objectContaining({ code }));
  });
});

describe('batches of one topic each', () => {
  const corpus = corpusOf([9, 9, 9, 9, 9, 9]);
  const training = trainingChunks(corpus, 4);
  // Of 36 training chunks (4 documents) 24 in one cluster, 12 in another.
  const clusters = training.map((_, i) => Number(i % 3 === 0));
  const source = new CorpusBatches(corpus, { strategy: 'balanced', batchSize: 4, clusters });

  it('hold chunks of one cluster, and clusters come in proportion', () => {
    const of = new Map(training.map(({ index }, i) => [index, clusters[i]]));
    const seen = epoch(source).map(({ chunks }) => new Set(chunks.map(({ index }) => of.get(index))));
    expect(seen.every(({ size }) => size === 1)).toBe(true);
    const counts = [0, 1].map((cluster) => seen.filter((one) => one.has(cluster)).length);
    expect(counts).toEqual([0, 1].map((cluster) => Math.floor(clusters.filter((one) => one === cluster).length / 4)));
  });

  it('differ from epoch to epoch, and follow from the seed', () => {
    const again = new CorpusBatches(corpus, { strategy: 'balanced', batchSize: 4, clusters });
    expect(epoch(again)).toEqual(epoch(source));
    expect(epoch(source, 1)).not.toEqual(epoch(source));
    expect(epoch(new CorpusBatches(corpus, { strategy: 'balanced', batchSize: 4, clusters, seed: 1 }))).not.toEqual(
      epoch(source),
    );
  });

  it('need a cluster for each chunk, none too small', () => {
    const make = (given: readonly number[]) => () =>
      new CorpusBatches(corpus, { strategy: 'balanced', batchSize: 4, clusters: given });
    expect(make([])).toThrow('Pass clusters');
    expect(make(training.map((_, i) => Number(i === 0)))).toThrow('as many chunks in each as a batch has');
  });
});
