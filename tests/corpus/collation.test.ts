import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chunkTokenBudget, collate, queryText } from '../../src/corpus/batches/collation.ts';
import type { CollationOptions } from '../../src/corpus/batches/collation.ts';
import { factVocabulary } from '../../src/corpus/sources/factWords.ts';
import { TextTokenizer } from '../../src/corpus/tokenizer/tokenizer.ts';
import type { TokenizerFiles } from '../../src/corpus/tokenizer/tokenizer.ts';
import type { TokenBatch } from '../../src/corpus/types.ts';
import { wordTokenizerFiles } from '../../src/corpus/tokenizer/wordTokenizer.ts';

const read = (folder: string, file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../parity/collation/${folder}/${file}.json`, import.meta.url), 'utf8'));

const files = (folder: string): TokenizerFiles => ({
  tokenizerJson: read(folder, 'tokenizer') as Record<string, unknown>,
  tokenizerConfig: read(folder, 'tokenizer_config') as Record<string, unknown>,
});

type Case = CollationOptions & TokenBatch & { texts: string[] };

describe.each([
  ['qwen-style', []],
  ['llama-style', [0]],
])('the released collator, %s', (folder, leading) => {
  const tokenizer = new TextTokenizer(files(folder));
  const encodings = read(folder, 'encodings') as { text: string; ids: number[] }[];
  const cases = read(folder, 'cases') as Case[];

  it('finds the special tokens of the template', () => {
    expect(tokenizer.specials).toEqual({ leading, trailing: [] });
  });

  it.each(encodings)('encodes $text', ({ text, ids }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.countTokens(text)).toBe(ids.length - leading.length);
    const pieces = tokenizer.pieces(text);
    expect(pieces.map((piece) => piece.id)).toEqual(ids);
    const spans = pieces.flatMap(({ span }) => (span ? [span] : []));
    expect(spans).toHaveLength(ids.length - leading.length);
    for (const [i, span] of spans.entries()) {
      expect(span.end).toBeGreaterThan(span.start);
      expect(span.start).toBeGreaterThanOrEqual(spans[i - 1]?.start ?? 0);
    }
    expect(spans.at(-1)?.end).toBe(text.length);
    for (const piece of pieces) {
      if (piece.span && !piece.text.startsWith('⟨')) {
        expect(piece.text).toBe(
          text.slice(piece.span.start, piece.span.end).normalize(folder === 'qwen-style' ? 'NFC' : undefined),
        );
      }
    }
  });

  it.each(cases.map((golden, i) => ({ i, golden })))('collates case $i', ({ golden }) => {
    const { texts, queryIds, passageIds, lmIds, ...options } = golden;
    const batch = collate(texts, options, tokenizer);
    for (let row = 0; row < texts.length; row++) {
      expect(batch.queryIds[row], `query of "${texts[row]}"`).toEqual(queryIds[row]);
      expect(batch.passageIds[row], `passage of "${texts[row]}"`).toEqual(passageIds[row]);
      expect(batch.lmIds[row], `LM row of "${texts[row]}"`).toEqual(lmIds[row]);
    }
    const { queryContent, passageContent, ...rows } = batch;
    expect(rows).toEqual({ queryIds, passageIds, lmIds });
    for (const content of [queryContent, passageContent]) expect(content).toHaveLength(texts.length);
  });
});

describe('collate', () => {
  const words = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
  const options: CollationOptions = { maxLength: 16, firstHalf: false, firstHalfRatio: 0.5, prefixes: true };
  const word = (text: string): number => words.encode(text)[0] ?? -1;

  it('puts prefix, text and EOS in their places', () => {
    const batch = collate(['Otto is calm', 'Mira is brave'], { ...options, firstHalf: true }, words);
    expect(batch.queryIds[0]).toEqual([word('query:'), word('Otto'), words.eosId]);
    expect(batch.passageIds[0]).toEqual([word('passage:'), ...words.encode('Otto is calm'), words.eosId]);
    expect(batch.lmIds[1]).toEqual(words.encode('Mira is brave'));
  });

  it('names the text’s own tokens as content: no begin token, no prefix, no end token', () => {
    const content = ({ passageIds, passageContent }: TokenBatch, row: number) =>
      passageIds[row]?.slice(...(passageContent?.[row] ?? [0, 0]));
    const text = 'Otto is calm';
    expect(content(collate([text], options, words), 0)).toEqual(words.encode(text));
    for (const folder of ['qwen-style', 'llama-style']) {
      const tokenizer = new TextTokenizer(files(folder));
      const { leading } = tokenizer.specials;
      for (const sample of ['Gulls nest here', ' spaced', '12 days', '…', 'passage: of one'])
        for (const prefixes of [true, false]) {
          const batch = collate([sample], { ...options, maxLength: 64, prefixes }, tokenizer);
          const read = content(batch, 0) ?? [];
          // A token that holds the prefix's last space as well belongs to the text.
          expect(tokenizer.decode(read, { keepSpecial: true }).trim(), `${folder} ${prefixes}`).toBe(sample.trim());
          expect(batch.passageContent?.[0]?.[0] ?? 0).toBeGreaterThanOrEqual(leading.length + (prefixes ? 1 : 0));
          expect(batch.passageContent?.[0]?.[1]).toBe(batch.passageIds[0]!.length - 1);
        }
    }
  });

  it('lets the end token stand in where a query’s half holds nothing of the text', () => {
    const half = { ...options, firstHalf: true };
    const { queryIds, queryContent, passageContent } = collate(['Otto is calm and brave', 'Otto is'], half, words);
    expect(queryIds.map((row) => row.length)).toEqual([4, 2]);
    expect(queryContent).toEqual([
      [1, 3],
      [1, 2],
    ]);
    expect(passageContent).toEqual([
      [1, 6],
      [1, 3],
    ]);
    // Cut within the prefix, and so far that nothing but the end token is there.
    const llama = new TextTokenizer(files('llama-style'));
    expect(collate(['Otto is calm'], { ...options, maxLength: 3 }, llama).passageContent).toEqual([[2, 3]]);
    const short = collate(['Otto is calm'], { ...half, firstHalfRatio: 0.01 }, words);
    expect([short.queryIds[0], short.queryContent?.[0]]).toEqual([[words.eosId], [0, 1]]);
  });

  it('takes another tokenizer for the language model', () => {
    const lm = new TextTokenizer(files('llama-style'));
    const batch = collate(['Otto is calm'], options, words, lm);
    expect(batch.lmIds[0]).toEqual(lm.encode('Otto is calm'));
    expect(batch.passageIds[0]).toHaveLength(5);
  });

  it('keeps a chunk of one token beside longer ones', () => {
    expect(collate(['Otto', 'Mira is brave'], options, words).lmIds[0]).toEqual([word('Otto')]);
  });

  it.each([
    [['Otto', 'Mira'], {}, 'nothing-to-predict'],
    [['Otto is', '  '], {}, 'empty-chunk'],
    [['Otto is'], { maxLength: 1 }, 'invalid-option'],
    [['Otto is'], { firstHalfRatio: 0 }, 'invalid-option'],
    [['Otto is'], { firstHalfRatio: Number.NaN }, 'invalid-option'],
  ])('refuses %j with %j', (texts, change, code) => {
    expect(() => collate(texts, { ...options, ...change }, words)).toThrow(expect.objectContaining({ code }));
  });

  it('gives a chunk budget at which nothing is cut off', () => {
    for (const tokenizer of [words, new TextTokenizer(files('llama-style'))]) {
      const budget = chunkTokenBudget(tokenizer, 16, true);
      const text = 'calm '.repeat(40);
      let longest = '';
      for (let n = 1; tokenizer.countTokens(text.slice(0, n)) <= budget; n++) longest = text.slice(0, n);
      const { passageIds } = collate([longest], options, tokenizer);
      expect(passageIds[0]?.slice(0, -1)).toEqual(tokenizer.encode(`passage: ${longest}`));
    }
  });
});

describe('the text of a query', () => {
  const options = { maxLength: 32, firstHalf: true, firstHalfRatio: 0.5, prefixes: true };
  const texts = ['Bees make honey from nectar, and store it in combs of wax.', 'Zürich läuft – 雪が降る night'];

  it.each(['qwen-style', 'llama-style'])('is what its row has tokens of: %s', (folder) => {
    const tokenizer = new TextTokenizer(files(folder));
    for (const text of texts) {
      expect(queryText(tokenizer, text, { ...options, firstHalf: false, maxLength: 99 })).toBe(text);
      for (const prefixes of [true, false]) {
        const { queryIds } = collate([text], { ...options, prefixes }, tokenizer);
        const told = queryText(tokenizer, text, { ...options, prefixes });
        const decoded = tokenizer.decode(queryIds[0]!.slice(0, -1)).replace('query: ', '');
        // A character of whose bytes some are cut off is told whole.
        const characters = decoded.replace(/\uFFFD+$/u, '');
        expect([characters, text.slice(0, characters.length + 1)]).toContain(told);
        expect(told.length).toBeLessThan(text.length);
      }
    }
  });

  it('is what its row has tokens of: words', () => {
    const tokenizer = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
    const text = 'Otto is a calm baker who lives in Varna with a cat';
    const { queryIds } = collate([text], options, tokenizer);
    const told = queryText(tokenizer, text, options);
    expect(tokenizer.encode(`query: ${told}`)).toEqual(queryIds[0]!.slice(0, -1));
  });
});
