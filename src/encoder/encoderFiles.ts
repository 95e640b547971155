import { ModelFileError, readJson, type FileLookup } from '../files/formats/byteSource.ts';
import { mistakenFor } from '../files/formats/sniff.ts';
import { POOLING_CONFIG, readEmbeddingCard, transformerFiles } from '../files/models/sentenceTransformers.ts';
import { MINILM, type EncoderPooling } from './knownEncoders.ts';

export const ENCODER_POOLINGS = ['mean', 'first', 'eos'] as const satisfies readonly EncoderPooling[];

/** Tokens that are read of a text unless somebody wants others. */
export const USUAL_TOKENS = 256;

/** What is read of an encoder's folder besides its weights, and whether it can be left out. */
export const ENCODER_FILES: readonly { readonly name: string; readonly required: boolean }[] = [
  { name: 'config.json', required: true },
  { name: 'tokenizer.json', required: true },
  { name: 'tokenizer_config.json', required: true },
  { name: 'special_tokens_map.json', required: false },
  { name: 'modules.json', required: false },
  { name: POOLING_CONFIG, required: false },
  { name: 'config_sentence_transformers.json', required: false },
  { name: 'sentence_bert_config.json', required: false },
];

/** The weights that are taken, the smallest first, and what transformers.js calls their numbers. */
export const ENCODER_WEIGHTS = [
  { name: 'onnx/model_quantized.onnx', dtype: 'q8' },
  { name: 'onnx/model_int8.onnx', dtype: 'int8' },
  { name: 'onnx/model_uint8.onnx', dtype: 'uint8' },
  { name: 'onnx/model.onnx', dtype: 'fp32' },
] as const;
export type EncoderWeights = (typeof ENCODER_WEIGHTS)[number];

/** Kinds of model that read a text in both directions and give a state for each token. */
const KINDS = [
  ...['bert', 'distilbert', 'roberta', 'xlm-roberta', 'camembert', 'mpnet', 'electra', 'albert'],
  ...['deberta', 'deberta-v2', 'modernbert', 'nomic_bert'],
];

/** What an encoder's files say of it. */
export interface EncoderCard {
  /** "bert". */
  readonly kind: string;
  /** Numbers of a vector. */
  readonly width: number;
  /** Rows of its table of tokens. */
  readonly vocabulary: number;
  /** Undefined where no file says it. */
  readonly pooling: EncoderPooling | undefined;
  /** Most tokens of a text, begin and end tokens with them. */
  readonly mostTokens: number;
  /** Those that are read where nobody wants others: 256, or fewer where the encoder was made for fewer. */
  readonly usualTokens: number;
  /** What a query begins with, and a passage. */
  readonly queryPrompt: string;
  readonly passagePrompt: string;
  readonly weights: EncoderWeights;
  readonly weightBytes: number;
  /** What its reader ought to know, a sentence each. */
  readonly notices: readonly string[];
}

/** An encoder's files, and what they say. */
export interface EncoderFolder {
  readonly files: FileLookup;
  readonly card: EncoderCard;
}

/**
 * Reads the small files of an encoder's folder, as sentence-transformers and transformers.js lay it out.
 * @throws ModelFileError that says what is missing, does not fit together or is not known here.
 */
export async function readEncoder(folder: FileLookup): Promise<EncoderFolder> {
  const files = await transformerFiles(folder);
  await requireFiles(files);
  const config = await fieldsOf(files, 'config.json');
  const kind = textIn(config, 'model_type') ?? '';
  if (!KINDS.includes(kind))
    throw new ModelFileError(
      `config.json says that this is a model of type ${kind || 'unknown'}. Encoders of these types are read: ${KINDS.join(', ')}. A model of the Qwen or Llama family goes where checkpoints go.`,
    );
  const width = wholeIn(config, 'hidden_size') ?? wholeIn(config, 'dim') ?? wholeIn(config, 'n_embd');
  const vocabulary = wholeIn(config, 'vocab_size');
  if (width === undefined || vocabulary === undefined)
    throw new ModelFileError(
      'config.json does not say how wide the model is (hidden_size) or how many tokens it knows.',
    );
  requireTokens(await tokensOf(files), vocabulary);
  const sentences = await readEmbeddingCard(files);
  if (sentences && sentences.further.length > 0)
    throw new ModelFileError(
      `This encoder has parts after its pooling that are not read here: ${sentences.further.join(', ')} (modules.json). Choose one that only pools and scales.`,
    );
  if (sentences?.pooledAs !== undefined && sentences.pooling === undefined)
    throw new ModelFileError(
      `This encoder pools by ${sentences.pooledAs} (${POOLING_CONFIG}). Known are the mean, the first and the last token.`,
    );
  const weights = await weightsOf(files);
  const mostTokens = await mostTokensOf(files, config);
  const made = (await files('sentence_bert_config.json')) && (await fieldsOf(files, 'sentence_bert_config.json'));
  const { queryPrompt, passagePrompt } = sentences ?? {};
  const madeFrom = textIn(config, '_name_or_path') ?? '';
  return {
    files,
    card: {
      kind,
      width,
      vocabulary,
      pooling: sentences?.pooling ?? ([MINILM.id, MINILM.madeFrom].includes(madeFrom) ? MINILM.pooling : undefined),
      mostTokens,
      usualTokens: Math.min(mostTokens, USUAL_TOKENS, (made && wholeIn(made, 'max_seq_length')) ?? Infinity),
      queryPrompt: queryPrompt ?? '',
      passagePrompt: passagePrompt ?? '',
      ...weights,
      notices:
        queryPrompt === undefined && /\b(e5|bge)\b/i.test(madeFrom)
          ? [
              'Encoders of the E5 and BGE families expect words before a query. The files of this one name none (config_sentence_transformers.json), so none are put there, and it may do worse than it can.',
            ]
          : [],
    },
  };
}

/** "bert, int8, 384 numbers a text". */
export function shapeOf({ kind, weights, width }: Pick<EncoderCard, 'kind' | 'weights' | 'width'>): string {
  return `${kind}, ${weights.dtype === 'q8' ? 'int8' : weights.dtype}, ${width} numbers a text`;
}

/** All files of an encoder that are read, whole: to be handed to another worker. @throws what reading them throws */
export async function wholeFiles({ files, card }: EncoderFolder): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const { name } of [...ENCODER_FILES, card.weights]) {
    const source = await files(name);
    if (source) found.set(name, await source.read(0, source.size));
  }
  return found;
}

async function requireFiles(files: FileLookup): Promise<void> {
  const missing: string[] = [];
  for (const { name, required } of ENCODER_FILES) if (required && !(await files(name))) missing.push(name);
  if (missing.length > 0)
    throw new ModelFileError(
      `This is no encoder’s folder: there is no ${missing.join(' and no ')}. It needs config.json, tokenizer.json, tokenizer_config.json and onnx/model_quantized.onnx or onnx/model.onnx.`,
    );
}

/** The smallest weights that are there. @throws ModelFileError */
async function weightsOf(files: FileLookup): Promise<{ weights: EncoderWeights; weightBytes: number }> {
  for (const weights of ENCODER_WEIGHTS) {
    const source = await files(weights.name);
    if (!source) continue;
    const mistaken = mistakenFor(await source.read(0, Math.min(512, source.size)), source.size);
    if (mistaken !== undefined) throw new ModelFileError(`${weights.name} ${mistaken}`);
    if (await files(`${weights.name}_data`))
      throw new ModelFileError(
        `${weights.name} keeps its numbers in a second file, ${weights.name}_data, which is not read here. Choose weights that are one file, such as onnx/model_quantized.onnx.`,
      );
    return { weights, weightBytes: source.size };
  }
  throw new ModelFileError(
    `The folder has no weights as ONNX: none of ${ENCODER_WEIGHTS.map(({ name }) => name).join(', ')}. The hub has most encoders in this form; optimum-cli exports others.`,
  );
}

/** RoBERTa and those made after it count positions from the padding token's id on, so that two of them hold no token. */
const TWO_FEWER = ['roberta', 'xlm-roberta', 'camembert', 'mpnet'];

async function mostTokensOf(files: FileLookup, config: Fields): Promise<number> {
  const kind = textIn(config, 'model_type') ?? '';
  const positions = wholeIn(config, 'max_position_embeddings') ?? wholeIn(config, 'n_positions') ?? USUAL_TOKENS;
  const said = wholeIn(await fieldsOf(files, 'tokenizer_config.json'), 'model_max_length') ?? Infinity;
  return Math.min(TWO_FEWER.includes(kind) ? positions - 2 : positions, said);
}

/** Tokens that the tokenizer can make: the highest id and one. */
async function tokensOf(files: FileLookup): Promise<number> {
  const json = await fieldsOf(files, 'tokenizer.json');
  const { model, added_tokens: added } = json;
  const vocabulary: unknown = isFields(model) ? model['vocab'] : undefined;
  // Unigram's is a list of pairs, where a token's place is its id.
  let highest = Array.isArray(vocabulary) ? vocabulary.length - 1 : -1;
  const ids = isFields(vocabulary) ? Object.values(vocabulary) : [];
  const special = Array.isArray(added) ? (added as unknown[]).map((one) => isFields(one) && one['id']) : [];
  for (const id of [...(Array.isArray(vocabulary) ? [] : ids), ...special])
    if (typeof id === 'number') highest = Math.max(highest, id);
  if (highest < 0) throw new ModelFileError('tokenizer.json has no list of tokens (model.vocab).');
  return highest + 1;
}

/** Rows of a table that no token uses, at most, as a share: tables are rounded up for speed. */
const UNUSED_ROWS = 0.1;

function requireTokens(tokens: number, rows: number): void {
  if (tokens <= rows && tokens >= (1 - UNUSED_ROWS) * rows) return;
  throw new ModelFileError(
    `tokenizer.json makes ${tokens.toLocaleString('en')} tokens, and the model of config.json knows ${rows.toLocaleString('en')}: they are not of the same encoder. Take both from one repository.`,
  );
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function fieldsOf(files: FileLookup, name: string): Promise<Fields> {
  const json = await readJson(files, name);
  if (!isFields(json)) throw new ModelFileError(`${name} does not hold an object.`);
  return json;
}

const textIn = (fields: Fields, key: string): string | undefined => {
  const value = fields[key];
  return typeof value === 'string' ? value : undefined;
};

const wholeIn = (fields: Fields, key: string): number | undefined => {
  const value = fields[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
};
