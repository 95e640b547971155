import { beforeAll, describe, expect, it } from 'vitest';
import { trainBpe } from '../../src/corpus/tokenizer/bpeTrainer.ts';
import { chunkParagraphs } from '../../src/corpus/chunking.ts';
import { buildCorpus } from '../../src/corpus/corpus.ts';
import { Random } from '../../src/corpus/random.ts';
import { TextTokenizer } from '../../src/corpus/tokenizer/tokenizer.ts';
import { randomText, withoutSpace } from './helpers.ts';

const words = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;

describe('chunkParagraphs', () => {
  let tokenizer: TextTokenizer;
  beforeAll(async () => {
    tokenizer = new TextTokenizer(await trainBpe([randomText(Random.fromSeed(1), 200)], { vocabularySize: 400 }));
  });

  it('packs whole sentences and evens out a short rest', () => {
    const text = 'One two three four. Five six seven. Eight nine ten eleven twelve. Thirteen.';
    expect(chunkParagraphs([text], 8, words)).toEqual([
      'One two three four. Five six seven.',
      'Eight nine ten eleven twelve. Thirteen.',
    ]);
    expect(chunkParagraphs(['A b c d. E f g h.', 'I.'], 8, words)).toEqual(['A b c d.', 'E f g h. I.']);
  });

  it('splits a long sentence at words and a long word between characters', () => {
    const sentence = Array.from({ length: 20 }, (_, i) => `w${i}`).join(' ');
    const chunks = chunkParagraphs([sentence], 8, words);
    expect(chunks.join(' ')).toBe(sentence);
    expect(chunks.every((chunk) => words(chunk) <= 8)).toBe(true);

    const bytes = (text: string): number => new TextEncoder().encode(text).length;
    const pieces = chunkParagraphs(['👍🏽'.repeat(5)], 17, bytes);
    expect(pieces).toEqual(['👍🏽👍🏽', '👍🏽👍🏽', '👍🏽']);
  });

  it('does not put spaces between sentences that have none', () => {
    const text = '数学は言葉である。船は港に着いた。';
    expect(chunkParagraphs([text], 40, (part) => part.length)).toEqual([text]);
  });

  it.each([8, 13, 40, 120])('loses nothing and keeps to %i tokens on random texts', (maxTokens) => {
    for (let seed = 0; seed < 15; seed++) {
      const paragraphs = randomText(Random.fromSeed(seed), 30).split('\n\n');
      const chunks = chunkParagraphs(paragraphs, maxTokens, (text) => tokenizer.countTokens(text));
      expect(withoutSpace(chunks.join(''))).toBe(withoutSpace(paragraphs.join('')));
      for (const chunk of chunks) {
        expect(chunk).toBe(chunk.trim());
        expect(chunk).not.toBe('');
        expect(tokenizer.encodeBare(chunk).length).toBeLessThanOrEqual(maxTokens);
      }
    }
  });

  it('gives nothing for blank text and refuses a tiny budget', () => {
    expect(chunkParagraphs(['', ' \n'], 8, words)).toEqual([]);
    expect(() => chunkParagraphs(['a'], 7, words)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  });
});

describe('buildCorpus', () => {
  const options = { maxTokens: 8, countTokens: words };
  const long = 'One two three four five. Six seven eight nine ten.';

  it('keeps document boundaries and numbers chunks', async () => {
    const corpus = await buildCorpus(
      [
        { title: 'A', paragraphs: [long] },
        { title: 'blank', paragraphs: [' '] },
        { title: 'B', paragraphs: ['Short.', long] },
      ],
      options,
    );
    expect(corpus.documents).toEqual([
      { title: 'A', firstChunk: 0, chunkCount: 2, copyOf: undefined, source: 0 },
      { title: 'B', firstChunk: 2, chunkCount: 2, copyOf: undefined, source: 2 },
    ]);
    expect(corpus.chunks.map((chunk) => [chunk.index, chunk.document, chunk.documentTitle])).toEqual([
      [0, 0, 'A'],
      [1, 0, 'A'],
      [2, 1, 'B'],
      [3, 1, 'B'],
    ]);
    expect(corpus.notices).toEqual([]);
  });

  it('says what is wrong with too little text', async () => {
    await expect(buildCorpus([], options)).rejects.toMatchObject({ code: 'empty-text' });
    await expect(buildCorpus([{ title: 'A', paragraphs: ['Hello.'] }], options)).rejects.toMatchObject({
      code: 'one-chunk',
    });
    const one = await buildCorpus([{ title: 'A', paragraphs: [long] }], options);
    expect(one.notices.map((notice) => notice.code)).toEqual(['one-document']);
  });

  it('can be stopped', async () => {
    await expect(
      buildCorpus([{ title: 'A', paragraphs: [long] }], { ...options, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});
