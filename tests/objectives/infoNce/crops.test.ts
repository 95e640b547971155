import { describe, expect, test } from 'vitest';
import { factVocabulary } from '../../../src/corpus/sources/factWords.ts';
import { Random } from '../../../src/corpus/random.ts';
import { TextTokenizer } from '../../../src/corpus/tokenizer/tokenizer.ts';
import { wordTokenizerFiles } from '../../../src/corpus/tokenizer/wordTokenizer.ts';
import { cropRows, randomCrop } from '../../../src/objectives/infoNce/crops.ts';

const tokenizer = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
const WORDS = factVocabulary().slice(0, 20);

describe('a random crop', () => {
  test('is part of its chunk, in order, and no longer than half of it', () => {
    const random = Random.fromSeed(1);
    const chunk = Array.from({ length: 200 }, (_, i) => i);
    const lengths: number[] = [];
    let tokens = 0;
    let spans = 0;
    for (let n = 0; n < 2000; n++) {
      const crop = randomCrop(chunk, random);
      expect(crop.every((token, i) => i === 0 || token > crop[i - 1]!)).toBe(true);
      const span = crop.at(-1)! - crop[0]! + 1;
      expect(span).toBeLessThanOrEqual(100);
      lengths.push(crop.length);
      tokens += crop.length;
      spans += span;
    }
    // Spans are 20 to 100 tokens; one token in ten is left out, at the ends too, which shortens the visible span.
    expect(Math.min(...lengths)).toBeLessThan(22);
    expect(Math.max(...lengths)).toBeGreaterThan(85);
    expect(tokens / 2000).toBeGreaterThan(52);
    expect(tokens / 2000).toBeLessThan(56);
    expect(tokens / spans).toBeGreaterThan(0.88);
    expect(tokens / spans).toBeLessThan(0.93);
  });

  test('keeps a token however short the chunk is', () => {
    const random = Random.fromSeed(2);
    for (let n = 0; n < 500; n++) expect(randomCrop([7], random)).toEqual([7]);
    for (let n = 0; n < 500; n++) expect(randomCrop([7, 8, 9], random).length).toBeGreaterThan(0);
  });
});

test('rows have the prefix of their side and an end token, and follow from the seed alone', () => {
  const texts = [WORDS.slice(0, 12).join(' '), WORDS.slice(4, 20).join(' ')];
  const make = (seed: number) => cropRows(texts, tokenizer, 40, Random.fromSeed(seed));
  const { queryIds, passageIds, queryContent, passageContent } = make(3);
  const prefix = (text: string) => tokenizer.encodeBare(text);
  for (const [rows, content, start] of [
    [queryIds, queryContent, prefix('query: ')],
    [passageIds, passageContent, prefix('passage: ')],
  ] as const)
    for (const [i, row] of rows.entries()) {
      expect(content?.[i]).toEqual([start.length, row.length - 1]);
      expect(row.slice(0, start.length)).toEqual(start);
      expect(row.at(-1)).toBe(tokenizer.eosId);
      expect(row.length).toBeGreaterThan(start.length + 1);
    }
  expect(queryIds.map((row) => row.slice(1))).not.toEqual(passageIds.map((row) => row.slice(1)));
  expect(make(3)).toEqual({ queryIds, passageIds, queryContent, passageContent });
  expect(make(4).queryIds).not.toEqual(queryIds);
});

test('a chunk without tokens is refused', () => {
  expect(() => cropRows(['a', ' '], tokenizer, 40, Random.fromSeed(1))).toThrow('Chunk 2 of the batch has no tokens');
});
