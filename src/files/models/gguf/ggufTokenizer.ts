import { shown } from '../../../models/config.ts';
import type { GgufFile } from '../../formats/gguf/gguf.ts';
import { GgufError } from '../../formats/gguf/ggufError.ts';
import { PRE_TOKENIZERS } from './preTokenizers.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a tokenizer's files say, of a GGUF file. */
export interface GgufTokenizer {
  readonly tokenizerJson: Json;
  readonly tokenizerConfig: Json;
  readonly generationConfig: Json;
}

/** llama.cpp's kinds of tokens, as far as they differ here: those found in a text before it is cut, and rows nobody uses. */
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
/** Tokens after which a model stops speaking, besides the end of the text. */
const ENDS = ['tokenizer.ggml.eos_token_id', 'tokenizer.ggml.eot_token_id', 'tokenizer.ggml.eom_token_id'];

/**
 * tokenizer.json and its companions, from the metadata of a GGUF file: the same ids as the original's, for texts of any kind.
 * @throws GgufError for a kind of tokenizer, or a rule of cutting text, that is not known.
 */
export function ggufTokenizer({ source, metadata }: GgufFile): GgufTokenizer {
  const { name: file } = source;
  const model = metadata.require('tokenizer.ggml.model', 'text');
  if (model !== 'gpt2')
    throw new GgufError(
      `${file} has a tokenizer of the kind ${shown(model)}; byte-level BPE ("gpt2") is read from GGUF. Take the model's folder in the safetensors format.`,
    );
  const pre = metadata.text('tokenizer.ggml.pre');
  const rule = PRE_TOKENIZERS.get(pre ?? '');
  if (!rule)
    throw new GgufError(
      `${file} does not say how its tokenizer cuts text in a way that is known (tokenizer.ggml.pre is ${shown(pre)}; ${[...PRE_TOKENIZERS.keys()].join(', ')} are known). Take a newer file, or the model's folder in the safetensors format.`,
    );
  const tokens = metadata.require('tokenizer.ggml.tokens', 'texts');
  const merges = metadata.require('tokenizer.ggml.merges', 'texts');
  const types = metadata.counts('tokenizer.ggml.token_type') ?? [];
  if (types.length > 0 && types.length !== tokens.length)
    throw new GgufError(`${file} has ${tokens.length} tokens, but kinds of ${types.length}: it is damaged.`);
  const named = (key: string): { id: number; content: string } | undefined => {
    const id = metadata.count(key);
    const content = id === undefined ? undefined : tokens[id];
    return id === undefined || content === undefined ? undefined : { id, content };
  };
  const bos = named('tokenizer.ggml.bos_token_id');
  const eos = named('tokenizer.ggml.eos_token_id');
  const leading = (metadata.flag('tokenizer.ggml.add_bos_token') ?? rule.addsBos) ? bos : undefined;
  const trailing = metadata.flag('tokenizer.ggml.add_eos_token') === true ? eos : undefined;
  const ends = ENDS.flatMap((key) => named(key)?.id ?? []);
  return {
    tokenizerJson: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: tokens.flatMap((content, id) => addedToken(content, id, types[id])),
      normalizer: rule.normalizer,
      pre_tokenizer: rule.preTokenizer,
      post_processor: template(leading, trailing),
      decoder: BYTE_LEVEL,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: rule.ignoreMerges,
        vocab: Object.fromEntries(tokens.flatMap((token, id) => (isOrdinary(types[id]) ? [[token, id]] : []))),
        merges,
      },
    },
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      bos_token: bos?.content ?? null,
      eos_token: eos?.content ?? null,
      pad_token: named('tokenizer.ggml.padding_token_id')?.content ?? null,
      unk_token: named('tokenizer.ggml.unknown_token_id')?.content ?? null,
    },
    generationConfig: { eos_token_id: [...new Set(ends)] },
  };
}

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };

function isOrdinary(type: number | undefined): boolean {
  return type !== CONTROL && type !== USER_DEFINED && type !== UNUSED;
}

function addedToken(content: string, id: number, type: number | undefined): Json[] {
  if (type !== CONTROL && type !== USER_DEFINED) return [];
  const special = type === CONTROL;
  return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
}

/** What puts these tokens around every text; ByteLevel alone, which adds nothing, where there are none. */
function template(
  leading: { id: number; content: string } | undefined,
  trailing: { id: number; content: string } | undefined,
): Json {
  if (!leading && !trailing) return BYTE_LEVEL;
  const special = ({ content }: { content: string }, type: number) => ({
    SpecialToken: { id: content, type_id: type },
  });
  const around = (sequences: readonly Json[]): Json[] =>
    sequences.flatMap((sequence, type) => [
      ...(leading ? [special(leading, type)] : []),
      sequence,
      ...(trailing ? [special(trailing, type)] : []),
    ]);
  const [a, b] = [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }];
  const tokens = [leading, trailing].filter((token) => token !== undefined);
  return {
    type: 'TemplateProcessing',
    single: around([a]),
    pair: around([a, b]),
    special_tokens: Object.fromEntries(
      tokens.map(({ id, content }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
}
