type Json = Readonly<Record<string, unknown>>;

/** How a byte-level BPE cuts text before it merges: what GGUF files only name. */
export interface PreTokenizer {
  readonly normalizer: Json | null;
  readonly preTokenizer: Json;
  /** A word that is a token as a whole is taken so, whatever the merges would make of it. */
  readonly ignoreMerges: boolean;
  /** Whether a text begins with the BOS where the file does not say. */
  readonly addsBos: boolean;
}

/** Words of bytes, without a rule of their own. */
const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
/** The same, cut by GPT-2's rule. */
const GPT2_WORDS = { ...BYTES, trim_offsets: true, use_regex: true };

/** Contractions; letters with one other character before them; `digits`; other characters; line ends; white space. */
function splitBy(digits: string): Json {
  const pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
  return {
    type: 'Sequence',
    pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, BYTES],
  };
}

const LLAMA3: PreTokenizer = {
  normalizer: null,
  preTokenizer: splitBy('\\p{N}{1,3}'),
  ignoreMerges: true,
  addsBos: true,
};

const QWEN2: PreTokenizer = {
  normalizer: { type: 'NFC' },
  preTokenizer: splitBy('\\p{N}'),
  ignoreMerges: false,
  addsBos: false,
};

const SMOLLM: PreTokenizer = {
  normalizer: null,
  preTokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, GPT2_WORDS] },
  ignoreMerges: false,
  addsBos: false,
};

/**
 * By `tokenizer.ggml.pre`, as the tokenizer.json of the original models has them. "default" and files without the key may stand for
 * any rule: older converters wrote them for all models.
 */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
  ['smollm', SMOLLM],
]);
