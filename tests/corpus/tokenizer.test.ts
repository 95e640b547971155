import { describe, expect, it } from 'vitest';
import { trainBpe } from '../../src/corpus/tokenizer/bpeTrainer.ts';
import type { BpeProgress } from '../../src/corpus/tokenizer/bpeTrainer.ts';
import { mergePairs } from '../../src/corpus/tokenizer/pairMerger.ts';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { Random } from '../../src/corpus/random.ts';
import { TextTokenizer } from '../../src/corpus/tokenizer/tokenizer.ts';
import { wordTokenizerFiles } from '../../src/corpus/tokenizer/wordTokenizer.ts';
import { randomText } from './helpers.ts';

const ODD_TEXTS = [
  'naïve café e\u0301tude, Straße',
  '数学は言葉である。',
  'emoji 🙂🚀👩‍👩‍👧‍👦 and tabs\t\r\n\n  end  ',
  'العربية עברית हिन्दी',
  '\uFEFFbyte order mark, zero\u200Bwidth, \u0000 and \u007F',
  ' ',
];

const vocabularyOf = (files: { tokenizerJson: Readonly<Record<string, unknown>> }): Record<string, number> =>
  (files.tokenizerJson.model as { vocab: Record<string, number> }).vocab;

describe('word-level tokenizer', () => {
  const tokenizer = new TextTokenizer(wordTokenizerFiles(['Otto', 'is', 'calm']));

  it('has one token per word and per prefix', () => {
    expect(tokenizer.vocabularySize).toBe(8);
    expect(tokenizer.encode('query: Otto is calm')).toEqual([3, 5, 6, 7]);
    expect(tokenizer.countTokens('passage: calm')).toBe(2);
    expect([tokenizer.padId, tokenizer.eosId]).toEqual([1, 2]);
    expect(tokenizer.specials).toEqual({ leading: [], trailing: [] });
  });

  it('gives the unknown token for other words, and their place', () => {
    expect(tokenizer.encode('Otto was calm')).toEqual([5, 0, 7]);
    expect(tokenizer.pieces('Otto  was calm')[1]).toEqual({ id: 0, text: 'was', span: { start: 6, end: 9 } });
    expect(tokenizer.decode([5, 0, 7, 2])).toBe('Otto calm');
    expect(tokenizer.decode([5, 2], { keepSpecial: true })).toBe('Otto [EOS]');
    expect(tokenizer.decode([])).toBe('');
  });

  it('finds the unknown token where tokenizer.json has it, and says when there is none', () => {
    const { tokenizerJson, tokenizerConfig } = wordTokenizerFiles(['Otto']);
    const { unk_token: _, ...config } = tokenizerConfig;
    expect(new TextTokenizer({ tokenizerJson, tokenizerConfig: config }).encode('who')).toEqual([0]);
    const { unk_token: __, ...model } = tokenizerJson.model as Record<string, unknown>;
    const without = new TextTokenizer({ tokenizerJson: { ...tokenizerJson, model }, tokenizerConfig: config });
    expect(() => without.encode('who')).toThrow(expect.objectContaining({ code: 'invalid-tokenizer' }));
  });
});

describe('TextTokenizer', () => {
  it.each([
    [{}, { eos_token: 'a' }],
    [{ model: { type: 'Nonsense' } }, { eos_token: 'a' }],
    [wordTokenizerFiles(['a']).tokenizerJson, {}],
    [wordTokenizerFiles(['a']).tokenizerJson, { eos_token: 'missing' }],
  ])('refuses files it cannot use (%#)', (tokenizerJson, tokenizerConfig) => {
    expect(() => new TextTokenizer({ tokenizerJson, tokenizerConfig })).toThrow(
      expect.objectContaining({ code: 'invalid-tokenizer' }),
    );
  });

  it('takes the EOS for padding when there is no pad token, and tokens written as objects', () => {
    const { tokenizerJson } = wordTokenizerFiles(['a']);
    const tokenizer = new TextTokenizer({ tokenizerJson, tokenizerConfig: { eos_token: { content: '[EOS]' } } });
    expect([tokenizer.eosId, tokenizer.padId]).toEqual([2, 2]);
  });
});

describe('mergePairs', () => {
  /** The definition, recounted from scratch before every merge. */
  function naive(words: { symbols: number[]; count: number }[], firstId: number, wanted: number): [number, number][] {
    const merges: [number, number][] = [];
    while (merges.length < wanted) {
      const counts = new Map<string, number>();
      for (const { symbols, count } of words) {
        symbols.slice(1).forEach((right, i) => {
          const key = `${symbols[i]} ${right}`;
          counts.set(key, (counts.get(key) ?? 0) + count);
        });
      }
      const ranked = [...counts]
        .map(([key, count]) => ({ pair: key.split(' ').map(Number) as [number, number], count }))
        .sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
      const top = ranked[0];
      if (!top || top.count < 2) break;
      const [left, right] = top.pair;
      for (const word of words) {
        for (let i = 0; i + 1 < word.symbols.length; i++) {
          if (word.symbols[i] === left && word.symbols[i + 1] === right) {
            word.symbols.splice(i, 2, firstId + merges.length);
          }
        }
      }
      merges.push([left, right]);
    }
    return merges;
  }

  it('makes the same merges as the definition, on random words', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = Random.fromSeed(seed);
      // Few symbols, so that runs (aaa), ties and overlapping pairs abound.
      const words = Array.from({ length: 30 }, () => ({
        count: 1 + random.integer(4),
        symbols: Array.from({ length: 1 + random.integer(12) }, () => random.integer(4)),
      }));
      const expected = naive(structuredClone(words), 4, 60);
      const merges: [number, number][] = [];
      await mergePairs(words, 4, 60, (left, right) => {
        merges.push([left, right]);
        return Promise.resolve();
      });
      expect(merges).toEqual(expected);
    }
  });
});

describe('trainBpe', () => {
  it('makes a standard tokenizer that loses nothing and counts right', async () => {
    const files = await trainBpe([randomText(Random.fromSeed(1), 300)], { vocabularySize: 400 });
    const tokenizer = new TextTokenizer(JSON.parse(JSON.stringify(files)) as typeof files);
    expect(tokenizer.vocabularySize).toBe(400);
    expect(tokenizer.eosId).not.toBe(tokenizer.padId);
    const texts = [...ODD_TEXTS, ...Array.from({ length: 30 }, (_, i) => randomText(Random.fromSeed(100 + i), 8))];
    for (const text of texts) {
      const ids = tokenizer.encode(text);
      expect(tokenizer.decode(ids)).toBe(text);
      expect(tokenizer.countTokens(text)).toBe(ids.length);
      const pieces = tokenizer.pieces(text);
      expect(pieces.map((piece) => piece.id)).toEqual(ids);
      for (const { text: shown, span } of pieces) {
        if (!shown.startsWith('⟨')) expect(shown).toBe(text.slice(span?.start, span?.end));
      }
    }
    expect(tokenizer.encode('a<|endoftext|>')).toEqual([...tokenizer.encode('a'), tokenizer.eosId]);
    expect(tokenizer.countTokens('a<|endoftext|>')).toBe(2);
    expect(tokenizer.pieces('é<|pad|>').at(-1)?.span).toEqual({ start: 1, end: 8 });
  });

  it('counts right where bytes are missing and runs of them are one unknown token', async () => {
    const { tokenizerJson, tokenizerConfig } = await trainBpe(['ab ab abc'], { vocabularySize: 260 });
    const model = tokenizerJson.model as { vocab: Record<string, number> };
    // Bytes 1 and 2, as SmolLM2's vocabulary lacks some control characters.
    const { ['\u0101']: _one, ['\u0102']: _two, ...vocab } = model.vocab;
    const tokenizer = new TextTokenizer({
      tokenizerJson: { ...tokenizerJson, model: { ...model, vocab, unk_token: '<|endoftext|>', fuse_unk: true } },
      tokenizerConfig,
    });
    expect(tokenizer.encode('\u0001')).toEqual([tokenizer.eosId]);
    for (const text of ['a\u0001\u0002b', 'ab\u0001 \u0002', '\u0002\u0001\u0001a \u0001 b', 'ab abc'])
      expect(tokenizer.countTokens(text)).toBe(tokenizer.encodeBare(text).length);
    expect(tokenizer.countTokens('a\u0001\u0002b')).toBe(3);
  });

  it('shows bytes that are no whole character', async () => {
    const tokenizer = new TextTokenizer(await trainBpe(['ab'], { vocabularySize: 258 }));
    expect(tokenizer.pieces('é').map((piece) => piece.text)).toEqual(['⟨C3⟩', '⟨A9⟩']);
    expect(tokenizer.pieces('é').map((piece) => piece.span)).toEqual([
      { start: 0, end: 1 },
      { start: 0, end: 1 },
    ]);
    expect(tokenizer.tokenText(tokenizer.encode('a')[0] ?? -1)).toBe('a');
    expect(tokenizer.tokenText(9999)).toBe('⟨9999⟩');
  });

  it('makes words of real prose and of the prefixes', async () => {
    const documents = await loadProse('shore');
    const files = await trainBpe(documents.map((document) => document.paragraphs.join('\n\n')));
    const vocabulary = vocabularyOf(files);
    expect(Object.keys(vocabulary)).toHaveLength(2000);
    for (const token of ['Ġthe', 'Ġwater', 'query', 'passage']) expect(vocabulary).toHaveProperty(token);
    const tokenizer = new TextTokenizer(files);
    const text = documents.flatMap((document) => document.paragraphs).join(' ');
    expect(text.length / tokenizer.countTokens(text)).toBeGreaterThan(3);
    expect(tokenizer.encode('query: ')).toHaveLength(3);
  });

  it('stops early when no pair occurs twice', async () => {
    const tokenizer = new TextTokenizer(await trainBpe(['abcdefg'], { vocabularySize: 1000 }));
    expect(tokenizer.vocabularySize).toBeLessThan(300);
    expect(tokenizer.decode(tokenizer.encode('fgh'))).toBe('fgh');
  });

  it('reports progress, can be stopped while it works, and refuses nothing to learn from', async () => {
    const seen: BpeProgress[] = [];
    const text = randomText(Random.fromSeed(1), 100);
    await trainBpe([text, text], { vocabularySize: 400, onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ stage: 'merging', fraction: 1 });
    expect(seen.map((progress) => progress.stage)).toContain('counting');
    const merging = seen.filter((progress) => progress.stage === 'merging').map((progress) => progress.fraction);
    expect(merging).toEqual([...merging].sort((a, b) => a - b));

    const stop = new AbortController();
    const stopped = trainBpe([text], { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    await expect(trainBpe([])).rejects.toMatchObject({ code: 'empty-text' });
    await expect(trainBpe(['a'], { vocabularySize: 100 })).rejects.toMatchObject({ code: 'invalid-option' });
  });
});
