import { byteToCharacter } from './byteAlphabet.ts';
import { PREFIXES } from '../prefixes.ts';
import { CorpusError, requireInteger } from '../errors.ts';
import { pacer } from '../pacer.ts';
import { mergePairs } from './pairMerger.ts';
import type { TokenizerFiles } from './tokenizer.ts';

export interface BpeTrainingOptions {
  /** Tokens in all: 2 special ones, 256 bytes, the rest merges. Fewer come out where no pair occurs twice. */
  vocabularySize?: number;
  onProgress?: (progress: BpeProgress) => void;
  /** Ends the training with a CorpusError `aborted`. */
  signal?: AbortSignal;
}

export interface BpeProgress {
  readonly stage: 'counting' | 'merging';
  /** Share of this stage done, 0 to 1. */
  readonly fraction: number;
}

const EOS = '<|endoftext|>';
const PAD = '<|pad|>';

/**
 * Pre-tokens as Qwen2 and Llama 3 cut them (contractions, words with one leading character, digits one by one,
 * punctuation, white space). The case-insensitive contractions are spelt out, since inline flags are not JavaScript.
 */
const PRE_TOKEN =
  "'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
  '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** Longer ones (writing without spaces, encoded data) are counted in parts: a merge costs time in proportion to a word. */
const LONG_PRE_TOKEN = 48;
const LONG_PRE_TOKEN_PARTS = /.{1,48}/gsu;

/** About one chunk in this many pre-tokens; each chunk is read once as query and once as passage. */
const PRE_TOKENS_PER_CHUNK = 60;

/**
 * Trains a byte-level BPE tokenizer on the texts and returns it as standard tokenizer.json and tokenizer_config.json.
 * Any text can be encoded and decoded without loss, since all 256 bytes are tokens. Ties between equally frequent pairs
 * go to the pair with the smaller ids, so the result depends on the texts only.
 * @throws CorpusError `empty-text`, `invalid-option`, `aborted`.
 */
export async function trainBpe(
  texts: readonly string[],
  { vocabularySize = 2000, onProgress, signal }: BpeTrainingOptions = {},
): Promise<TokenizerFiles> {
  requireInteger('Vocabulary size', vocabularySize, 258, 65536);
  const pause = pacer(signal, 'Building the vocabulary');
  const counts = new Map<string, number>();
  const pattern = new RegExp(PRE_TOKEN, 'gu');
  let total = 0;
  let sincePause = 0;
  for (const [i, text] of texts.entries()) {
    for (const [piece] of text.matchAll(pattern)) {
      const parts = piece.length > LONG_PRE_TOKEN ? (piece.match(LONG_PRE_TOKEN_PARTS) ?? []) : [piece];
      for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1);
      total += parts.length;
      if (++sincePause === 4096) {
        sincePause = 0;
        await pause();
      }
    }
    onProgress?.({ stage: 'counting', fraction: (i + 1) / texts.length });
  }
  if (total === 0) throw new CorpusError('empty-text', 'There is no text to build a vocabulary from. Add some text.');
  const chunkEstimate = Math.ceil(total / PRE_TOKENS_PER_CHUNK);
  for (const prefix of [PREFIXES.query, PREFIXES.passage]) {
    for (const [piece] of prefix.trimEnd().matchAll(pattern)) {
      counts.set(piece, (counts.get(piece) ?? 0) + chunkEstimate);
    }
  }

  const special = [EOS, PAD];
  const vocabulary = [...special, ...byteToCharacter.toSorted()];
  const idOf = new Map(vocabulary.map((token, id) => [token, id]));
  const encoder = new TextEncoder();
  const words = Array.from(counts, ([piece, count]) => ({
    count,
    symbols: Array.from(encoder.encode(piece), (byte) => idOf.get(byteToCharacter[byte] ?? '') ?? 0),
  }));
  const wanted = vocabularySize - vocabulary.length;
  const merges: [string, string][] = [];
  await mergePairs(words, vocabulary.length, wanted, async (left, right) => {
    const pair: [string, string] = [vocabulary[left] ?? '', vocabulary[right] ?? ''];
    merges.push(pair);
    vocabulary.push(pair[0] + pair[1]);
    if (merges.length % 16 === 0) {
      onProgress?.({ stage: 'merging', fraction: merges.length / wanted });
      await pause();
    }
  });
  onProgress?.({ stage: 'merging', fraction: 1 });
  return bpeFiles(special, vocabulary, merges);
}

function bpeFiles(special: string[], vocabulary: string[], merges: [string, string][]): TokenizerFiles {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
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
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: PRE_TOKEN }, behavior: 'Isolated', invert: false },
          byteLevel,
        ],
      },
      post_processor: null,
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
        merges,
      },
    },
    tokenizerConfig: {
      eos_token: EOS,
      pad_token: PAD,
      clean_up_tokenization_spaces: false,
      tokenizer_class: 'PreTrainedTokenizerFast',
    },
  };
}
