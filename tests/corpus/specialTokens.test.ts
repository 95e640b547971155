import { describe, expect, it } from 'vitest';
import { chunkTokenBudget, collate, queryText, retrieverRow } from '../../src/corpus/batches/collation.ts';
import { resolveSpecialTokens } from '../../src/corpus/tokenizer/specialTokens.ts';
import { TextTokenizer } from '../../src/corpus/tokenizer/tokenizer.ts';
import { wordTokenizerFiles } from '../../src/corpus/tokenizer/wordTokenizer.ts';
import { cropRows } from '../../src/objectives/infoNce/crops.ts';
import { Random } from '../../src/corpus/random.ts';

const WORDS = wordTokenizerFiles(['gulls', 'nest', 'on', 'cliffs']);
/** As the tokenizers of embedding models do: every text ends with a token that is not the end token of the configuration. */
const ENDING = {
  type: 'TemplateProcessing',
  single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '[PAD]', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
  special_tokens: { '[PAD]': { id: '[PAD]', ids: [1], tokens: ['[PAD]'] } },
};
const { tokenizerJson } = WORDS;

describe('resolveSpecialTokens', () => {
  it('leaves a configuration that says all as it is', () => {
    const { files, notices, endIds } = resolveSpecialTokens(WORDS);
    expect(files.tokenizerConfig).toBe(WORDS.tokenizerConfig);
    expect([notices, endIds]).toEqual([[], [2]]);
  });

  it.each<[string, object, string | undefined, RegExp[]]>([
    ['a map beside a silent configuration', { specialTokensMap: { eos_token: { content: '[EOS]' } } }, '[EOS]', []],
    [
      'a configuration and a map that disagree',
      { tokenizerConfig: { eos_token: '[EOS]' }, specialTokensMap: { eos_token: '[PAD]' } },
      '[EOS]',
      [/tokenizer_config.json calls “\[EOS\]” the end token, which is taken, and special_tokens_map.json “\[PAD\]”/],
    ],
    [
      'a token that is not there',
      { tokenizerConfig: { eos_token: '</s>' }, specialTokensMap: { eos_token: '[EOS]' } },
      '[EOS]',
      [/calls “<\/s>” the end token, but tokenizer.json has no such token: “\[EOS\]” of special_tokens_map.json/],
    ],
    [
      'a token that is nowhere',
      { tokenizerConfig: { eos_token: '</s>' } },
      undefined,
      [/has no such token: none is taken/],
    ],
    ['an id in a list', { config: { eos_token_id: [2, 5] } }, '[EOS]', [/“\[EOS\]” of config.json is taken/]],
    [
      'an id in generation_config.json',
      { generationConfig: { eos_token_id: 2 } },
      '[EOS]',
      [/“\[EOS\]” of generation_config.json is taken/],
    ],
    [
      'ids that are none',
      { config: { eos_token_id: 'x' }, generationConfig: { eos_token_id: [-1, 0.5, 99] } },
      undefined,
      [],
    ],
    [
      'the end of a template',
      {
        tokenizerJson: {
          ...tokenizerJson,
          post_processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, ENDING] },
        },
      },
      '[PAD]',
      [/“\[PAD\]” of tokenizer.json is taken/],
    ],
    ['nothing at all', {}, undefined, []],
  ])('%s', (_what, sources, eos, messages) => {
    const { files, notices } = resolveSpecialTokens({ tokenizerJson, ...sources });
    expect(files.tokenizerConfig.eos_token).toBe(eos);
    expect(notices).toHaveLength(messages.length);
    messages.forEach((message, i) => expect(notices[i]).toMatch(message));
    if (eos === undefined)
      expect(() => new TextTokenizer(files)).toThrow(/No file of this tokenizer names an end token/);
  });
});

describe('a tokenizer that ends every text by itself', () => {
  const tokenizer = new TextTokenizer({ ...WORDS, tokenizerJson: { ...tokenizerJson, post_processor: ENDING } });
  const ids = (text: string) => tokenizer.encodeBare(text);

  it('ends the retriever’s rows as it was trained to, once', () => {
    expect([tokenizer.specials, tokenizer.ending, tokenizer.eosId]).toEqual([{ leading: [], trailing: [1] }, [1], 2]);
    const row = retrieverRow(tokenizer, 'gulls nest on cliffs', 'query', { maxLength: 9 });
    expect(row).toEqual({ ids: [...ids('query: gulls nest on cliffs'), 1], content: [1, 5] });
    const cut = retrieverRow(tokenizer, 'gulls nest on cliffs', 'passage', { maxLength: 4 });
    expect(cut).toEqual({ ids: [...ids('passage: gulls nest'), 1], content: [1, 3] });
    const [crop] = cropRows(['gulls nest on cliffs'], tokenizer, 9, Random.fromSeed(1)).queryIds;
    expect([crop?.at(-1), crop?.filter((id) => id === 1 || id === 2).length]).toEqual([1, 1]);
  });

  it('halves a query before its end', () => {
    const options = { maxLength: 9, firstHalf: true, firstHalfRatio: 0.6, prefixes: true };
    const { queryIds, queryContent, lmIds } = collate(['gulls nest on cliffs'], options, tokenizer);
    expect(queryIds).toEqual([[...ids('query: gulls nest'), 1]]);
    expect(queryContent).toEqual([[1, 3]]);
    expect(lmIds).toEqual([[...ids('gulls nest on cliffs'), 1]]);
  });

  it('leaves room for one end', () => {
    expect(chunkTokenBudget(tokenizer, 9, true)).toBe(7);
    expect(chunkTokenBudget(new TextTokenizer(WORDS), 9, true)).toBe(7);
  });
});

describe('a retriever with words of its own before its texts', () => {
  const words = wordTokenizerFiles(['find', 'it', 'gulls', 'nest', 'on', 'cliffs']);
  const tokenizer = new TextTokenizer(words, { prefixes: { query: 'find it ', passage: '' } });
  const ids = (text: string) => tokenizer.encodeBare(text);
  const { eosId } = tokenizer;
  const options = { maxLength: 9, firstHalf: true, firstHalfRatio: 0.5, prefixes: true };

  it('puts them there, and keeps them whole where half of a query is cut off', () => {
    const { queryIds, queryContent, passageIds, passageContent } = collate(
      ['gulls nest on cliffs'],
      options,
      tokenizer,
    );
    expect([queryIds, queryContent]).toEqual([[[...ids('find it gulls nest'), eosId]], [[2, 4]]]);
    expect([passageIds, passageContent]).toEqual([[[...ids('gulls nest on cliffs'), eosId]], [[0, 4]]]);
    expect(queryText(tokenizer, 'gulls nest on cliffs', options)).toBe('gulls nest');
    const [query] = collate(['gulls nest on cliffs'], { ...options, prefixes: false }, tokenizer).queryIds;
    expect(query).toEqual([...ids('gulls nest'), eosId]);
    const crops = cropRows(['gulls nest on cliffs'], tokenizer, 9, Random.fromSeed(1));
    expect(crops.queryIds[0]?.slice(0, 2)).toEqual(ids('find it'));
    expect(crops.passageContent?.[0]?.[0]).toBe(0);
  });

  it('leaves room for the longer of them', () => {
    expect(chunkTokenBudget(tokenizer, 9, true)).toBe(6);
    expect(chunkTokenBudget(tokenizer, 9, false)).toBe(8);
  });
});
