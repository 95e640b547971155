import type { TokenizerFiles } from './tokenizer.ts';

export const UNKNOWN_TOKEN = '[UNK]';
export const PAD_TOKEN = '[PAD]';
export const EOS_TOKEN = '[EOS]';

/**
 * A word-level tokenizer over a closed vocabulary, as the standard pair of files: words are what stands between white
 * space, so "query:" and "passage:" are one token each. Ids: [UNK] 0, [PAD] 1, [EOS] 2, the two prefixes, then `words`
 * in their order. `unk_token` also stands in the configuration file because readers of tokenizer.json differ in where
 * they look for it.
 */
export function wordTokenizerFiles(words: readonly string[], prefixes = ['query:', 'passage:']): TokenizerFiles {
  const special = [UNKNOWN_TOKEN, PAD_TOKEN, EOS_TOKEN];
  const vocabulary = [...new Set([...special, ...prefixes, ...words])];
  return {
    tokenizerJson: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: special.map((content, id) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: { type: 'WhitespaceSplit' },
      post_processor: null,
      decoder: null,
      model: {
        type: 'WordLevel',
        vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
        unk_token: UNKNOWN_TOKEN,
      },
    },
    tokenizerConfig: {
      unk_token: UNKNOWN_TOKEN,
      pad_token: PAD_TOKEN,
      eos_token: EOS_TOKEN,
      clean_up_tokenization_spaces: false,
      tokenizer_class: 'PreTrainedTokenizerFast',
    },
  };
}
