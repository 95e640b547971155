import { describe, expect, test } from 'vitest';
import { CorpusBatches } from '../../src/corpus/batches/batching.ts';
import { buildCorpus, cutDocuments } from '../../src/corpus/corpus.ts';
import { fittingLength, LEAST_CHUNK_TOKENS } from '../../src/corpus/fitting.ts';
import { Random } from '../../src/corpus/random.ts';
import type { SourceDocument } from '../../src/corpus/types.ts';
import { recallAt1 } from '../../src/retrieval/metrics.ts';

/** A token a word. */
const countTokens = (text: string): number => text.split(' ').filter(Boolean).length;
const sentence = (words: number, name: string): string =>
  `${Array.from({ length: words - 1 }, (_, i) => `${name}${i}`).join(' ')} end.`;
const documentOf = (words: readonly number[], name: string): SourceDocument => ({
  title: name,
  paragraphs: [words.map((count, i) => sentence(count, `${name}${i}x`)).join(' ')],
});
const cut = (documents: readonly SourceDocument[], maxTokens = 58) =>
  cutDocuments(documents, { maxTokens, countTokens, isFitted: true });

describe('chunks that fit short documents', () => {
  test('the length is what most documents have two chunks at, and no longer than allowed', () => {
    expect(fittingLength([30, 30, 30, 200], 58)).toBe(20);
    expect(fittingLength([200, 300, Infinity, Infinity], 58)).toBe(58);
    expect(fittingLength([5, 8, 10], 58)).toBe(58);
    expect(fittingLength([20, 20, 20], 58)).toBe(13);
    // Short ones have a say only where there are no others.
    expect(fittingLength([15, 15, 15, 60, 60], 58)).toBe(40);
    expect(fittingLength([15, 17, 19], 58)).toBe(12);
    expect(fittingLength([], 58)).toBe(58);
  });

  test('documents of two sentences or one have two chunks; those too short for two are named', async () => {
    const documents = [
      documentOf([14, 12], 'a'),
      documentOf([30], 'b'),
      documentOf([9, 8, 9], 'c'),
      documentOf([16, 16], 'd'),
      documentOf([7], 'e'),
    ];
    const corpus = await cut(documents);
    expect(corpus.documents.map(({ chunkCount }) => chunkCount)).toEqual([2, 2, 2, 2, 1]);
    expect(corpus.chunkTokens).toBeLessThan(58);
    for (const { text, document } of corpus.chunks) {
      expect(countTokens(text)).toBeLessThanOrEqual(corpus.chunkTokens);
      if (document < 4) expect(countTokens(text)).toBeGreaterThanOrEqual(LEAST_CHUNK_TOKENS - 2);
    }
    expect(corpus.notices.map(({ code, message }) => [code, message])).toEqual([
      ['no-partner', '1 document has a single chunk, which has no partner to find: “e”.'],
    ]);
  });

  test('paragraphs of two short sentences have a partner, lines of a few words do not', async () => {
    const paragraphs = [
      'Bees live in large colonies. A worker that has found a meadow dances.',
      'In fog a horn sounds from the tower. Ships count the seconds in between.',
      'The violin maker takes spruce and maple. The wood dries for many years.',
    ];
    const titled = paragraphs.map((text, i) => ({ title: `${i}`, paragraphs: [text] }));
    expect((await cut(titled)).chunks.map(({ text }) => text)).toEqual(
      paragraphs.flatMap((text) => text.split(/(?<=\.) /)),
    );
    const words = { title: 'words', paragraphs: ['no it is so we go on to do as if I'] };
    const { documents } = await cut([
      ...titled,
      words,
      { title: 'line', paragraphs: ['Contents of the second book, part one'] },
    ]);
    expect(documents.map(({ chunkCount }) => chunkCount)).toEqual([2, 2, 2, 1, 1]);
  });

  test('no text is lost, whatever the lengths, and long documents are cut as they were', async () => {
    const random = Random.fromSeed(4);
    for (let n = 0; n < 300; n++) {
      const documents = Array.from({ length: 1 + random.integer(8) }, (_, d) =>
        documentOf(
          Array.from({ length: 1 + random.integer(4) }, () => 2 + random.integer(40)),
          `d${d}`,
        ),
      );
      const { chunks, chunkTokens } = await cut(documents);
      documents.forEach(({ paragraphs }, d) => {
        const texts = chunks.filter(({ document }) => document === d).map(({ text }) => text);
        expect(texts.join(' ')).toBe(paragraphs.join(' '));
        expect(texts.every((text) => countTokens(text) <= chunkTokens)).toBe(true);
      });
    }
    const long = Array.from({ length: 5 }, (_, d) => documentOf([40, 40, 40, 40], `long${d}`));
    const fixed = await cutDocuments(long, { maxTokens: 58, countTokens });
    expect((await cut(long)).chunks).toEqual(fixed.chunks);
  });
});

describe('copies', () => {
  const originals = Array.from({ length: 8 }, (_, d) => documentOf([30, 30, 30, 30], `d${d}`));
  const copy = (d: number): SourceDocument => ({
    title: `copy of ${d}`,
    paragraphs: [`  ${originals[d]?.paragraphs[0]?.replace(' ', '\n') ?? ''}`],
  });

  test('are known whatever their white space and title, and are said', async () => {
    const corpus = await buildCorpus([...originals, copy(0), copy(0), copy(3)], { maxTokens: 58, countTokens });
    expect(corpus.documents.map(({ copyOf }) => copyOf)).toEqual([
      ...Array.from({ length: 8 }, () => undefined),
      0,
      0,
      3,
    ]);
    expect(corpus.notices).toEqual([
      {
        code: 'copies',
        message:
          '3 documents are copies of others, and no wrong answer where that is meant: “copy of 0” (of “d0”), “copy of 0” (of “d0”), “copy of 3” (of “d3”).',
      },
    ]);
  });

  test('meet in no batch: neither as rivals nor as partners that are found too easily', async () => {
    const corpus = await buildCorpus([...originals, copy(0), copy(3)], { maxTokens: 58, countTokens });
    const source = new CorpusBatches(corpus, { batchSize: 6 });
    const plain = new CorpusBatches(await buildCorpus(originals, { maxTokens: 58, countTokens }), { batchSize: 6 });
    const batches = (of: CorpusBatches) => [
      ...Array.from({ length: 9 }, (_, i) => of.batchAt(i)),
      ...of.heldOutBatches(9),
    ];
    expect(batches(source).map(({ chunks }) => chunks.map(({ text }) => text))).toEqual(
      batches(plain).map(({ chunks }) => chunks.map(({ text }) => text)),
    );
  });

  test('share a label where there is too little text without them, and stay on one side of the split', async () => {
    const documents = [originals[0]!, copy(0), copy(0), originals[1]!, copy(1), copy(1)];
    const corpus = await buildCorpus(documents, { maxTokens: 58, countTokens });
    const source = new CorpusBatches(corpus, { batchSize: corpus.chunks.length });
    const { labels, chunks } = source.batchAt(0);
    expect(labels).toEqual(chunks.map(({ document }) => (document < 3 ? 0 : 3)));
    expect(source.heldOutBatches(1)).toEqual([]);
    // Whoever prefers the same words is right.
    const similarity = chunks.flatMap((a) => chunks.map((b) => Number(a.text === b.text)));
    expect(recallAt1(similarity, labels).recall).toBe(1);
  });
});

test('documents of two chunks make held-out batches, and rows without a partner are not counted', async () => {
  const documents = [...Array.from({ length: 9 }, (_, d) => documentOf([14, 14], `d${d}`)), documentOf([5], 'alone')];
  const corpus = await buildCorpus(documents, { maxTokens: 58, countTokens, isFitted: true });
  const source = new CorpusBatches(corpus, { batchSize: 8 });
  const held = source.heldOutBatches(4);
  expect(held).toHaveLength(4);
  const trained = new Set(Array.from({ length: 6 }, (_, i) => source.batchAt(i).labels).flat());
  for (const { labels } of held) {
    expect(labels.some((label) => trained.has(label))).toBe(false);
    expect(new Set(labels).size).toBeLessThan(labels.length);
  }
  const alone = [0, 0, 1];
  expect(recallAt1([0, 1, 0, 1, 0, 0, 1, 1, 0], alone)).toMatchObject({ rows: 2, recall: 1 });
});
