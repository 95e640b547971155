import { describe, expect, test } from 'vitest';
import { FactStream } from '../../../src/corpus/sources/factStream.ts';
import { factVocabulary } from '../../../src/corpus/sources/factWords.ts';
import { Random } from '../../../src/corpus/random.ts';
import { TextTokenizer } from '../../../src/corpus/tokenizer/tokenizer.ts';
import { trainBpe } from '../../../src/corpus/tokenizer/bpeTrainer.ts';
import { wordTokenizerFiles } from '../../../src/corpus/tokenizer/wordTokenizer.ts';
import { clozeRows, inverseCloze, sentencesOf } from '../../../src/objectives/inverseCloze/cloze.ts';

const SENTENCES = [[1, 2], [3], [4, 5, 6]];
const WHOLE = [1, 2, 3, 4, 5, 6];
const without = (k: number) => SENTENCES.filter((_, other) => other !== k).flat();

describe('the inverse cloze of a text', () => {
  test('asks with each sentence alike, and leaves it in the passage once in ten times', () => {
    const random = Random.fromSeed(1);
    const asked = new Map<string, number>();
    let kept = 0;
    for (let n = 0; n < 3000; n++) {
      const { query, passage } = inverseCloze(SENTENCES, WHOLE, without, random);
      const k = SENTENCES.findIndex((sentence) => sentence === query);
      expect(k).toBeGreaterThanOrEqual(0);
      asked.set(String(k), (asked.get(String(k)) ?? 0) + 1);
      if (passage.length === WHOLE.length) kept++;
      else expect(passage).toEqual(without(k));
    }
    expect(kept / 3000).toBeGreaterThan(0.08);
    expect(kept / 3000).toBeLessThan(0.12);
    for (const count of asked.values()) expect(Math.abs(count / 1000 - 1)).toBeLessThan(0.12);
    expect(asked.size).toBe(3);
  });

  test('of one sentence is two pieces of it, cut in its middle third, either of which asks', () => {
    const random = Random.fromSeed(2);
    const tokens = Array.from({ length: 12 }, (_, i) => i);
    const cuts = new Set<number>();
    const first = new Set<boolean>();
    for (let n = 0; n < 500; n++) {
      const { query, passage } = inverseCloze([tokens], tokens, () => [], random);
      if (passage.length === 12) continue;
      first.add(query[0] === 0);
      expect([...query, ...passage].sort((a, b) => a - b)).toEqual(tokens);
      expect([...(query[0] === 0 ? query : passage)]).toEqual(
        tokens.slice(0, query[0] === 0 ? query.length : passage.length),
      );
      cuts.add(query[0] === 0 ? query.length : passage.length);
    }
    expect([...cuts].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8]);
    expect(first.size).toBe(2);
  });

  test.each([1, 2, 3])('of %i tokens keeps a token on either side', (length) => {
    const tokens = Array.from({ length }, (_, i) => i);
    for (let seed = 0; seed < 50; seed++) {
      const { query, passage } = inverseCloze([tokens], tokens, () => [], Random.fromSeed(seed));
      expect(query.length).toBeGreaterThan(0);
      expect(passage.length).toBeGreaterThan(0);
    }
  });
});

test('sentences are those of the text', () => {
  expect(sentencesOf('Bread rises. Why does it? Yeast! ')).toEqual(['Bread rises.', 'Why does it?', 'Yeast!']);
  expect(sentencesOf('no end at all')).toEqual(['no end at all']);
});

test('rows of prose: a sentence as query, the others as passage, hard negatives whole behind them; the same for the same seed', async () => {
  const texts = [
    'Bread rises because yeast makes gas. The gas stays in the dough. Salt slows it down.',
    'Tides follow the moon. They turn twice a day. Harbours know it well.',
  ];
  const other = 'Saws cut on the push. Planes cut on the push as well.';
  const tokenizer = new TextTokenizer(await trainBpe([...texts, other], { vocabularySize: 300 }));
  const read = (ids: readonly number[], span: readonly [number, number]) =>
    tokenizer.decode(ids.slice(span[0], span[1])).trim();
  const kept: boolean[] = [];
  for (let seed = 0; seed < 30; seed++) {
    const make = () => clozeRows(texts, tokenizer, 100, Random.fromSeed(seed), [other]);
    const { queryIds, passageIds, queryContent, passageContent } = make();
    expect([queryIds.length, passageIds.length]).toEqual([2, 3]);
    expect(read(passageIds[2]!, passageContent![2]!)).toBe(other);
    for (const [i, text] of texts.entries()) {
      const sentence = read(queryIds[i]!, queryContent![i]!);
      expect(sentencesOf(text)).toContain(sentence);
      const passage = read(passageIds[i]!, passageContent![i]!);
      const rest = sentencesOf(text).filter((one) => one !== sentence);
      expect([rest.join(' '), text]).toContain(passage);
      kept.push(passage === text);
    }
    expect(make()).toEqual({ queryIds, passageIds, queryContent, passageContent });
  }
  expect(kept).toContain(true);
});

test('rows of facts, which are one sentence each, share no token between query and passage unless it is kept', () => {
  const tokenizer = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
  const texts = new FactStream({ batchSize: 8 }).batchAt(0).chunks.map(({ text }) => text);
  const { queryIds, passageIds, queryContent, passageContent } = clozeRows(texts, tokenizer, 40, Random.fromSeed(3));
  const apart = texts.filter((text, i) => {
    const [query, passage] = [queryIds[i]!.slice(...queryContent![i]!), passageIds[i]!.slice(...passageContent![i]!)];
    return query.length + passage.length === tokenizer.encodeBare(text).length;
  });
  expect(apart.length).toBeGreaterThan(4);
});

test('a chunk without tokens is refused', () => {
  const tokenizer = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
  expect(() => clozeRows(['a', ' '], tokenizer, 40, Random.fromSeed(1))).toThrow('Chunk 2 of the batch has no tokens');
});
