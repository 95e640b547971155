import { CorpusError } from '../corpus/errors.ts';
import { PREFIXES, type Prefixes } from '../corpus/prefixes.ts';
import { limitNotices } from '../corpus/tokenizer/libraryLimits.ts';
import { resolveSpecialTokens, templateNotices, type TokenizerSources } from '../corpus/tokenizer/specialTokens.ts';
import { TextTokenizer } from '../corpus/tokenizer/tokenizer.ts';
import { ModelFileError, readJson, type FileLookup } from '../files/formats/byteSource.ts';
import { readDecoderConfig } from '../files/models/decoderFiles.ts';
import { readPackedOrigin, type PackedOrigin } from '../files/models/gguf/packedOrigin.ts';
import { readEmbeddingCard, type EmbeddingCard } from '../files/models/sentenceTransformers.ts';
import { refuseUnusable } from '../files/models/usableWeights.ts';
import { openWeights, storedFormat } from '../files/models/weightFile.ts';
import type { DecoderConfig } from '../models/config.ts';
import { objectiveOf } from '../objectives/registry.ts';
import type { DType } from '../ops/core/tensor.ts';
import type { Configuration } from '../settings/configuration.ts';

/** A checkpoint whose small files have been read; its weights are read when the models are built. */
export interface Pretrained {
  /** What it is called: a hub id, or a folder's name. */
  readonly name: string;
  readonly files: FileLookup;
  readonly config: DecoderConfig;
  readonly tokenizer: TextTokenizer;
  /** Each of these tokens ends what it generates. */
  readonly endIds: readonly number[];
  /** How its matrices lie on the GPU as they are stored. */
  readonly stored: DType;
  /** What it was packed from, where it is a GGUF file. */
  readonly packed: PackedOrigin | undefined;
  /** What its files contradict each other in, or cannot say, and what was made of that: for people. */
  readonly notices: readonly string[];
  /** What it says of itself as an embedding model, where it is one. */
  readonly embedding?: EmbeddingCard | undefined;
  /** It was saved without the output head and so without "model." before its names, as embedding models are. */
  readonly bodyOnly?: boolean;
}

/** The checkpoints of a run: the same object twice when both models stand on one base. */
export interface Bases {
  readonly languageModel: Pretrained;
  readonly retriever: Pretrained;
}

/**
 * Opens the checkpoints that a configuration names: one, the same for both models, unless the retriever has one of its own beside
 * a language model.
 */
export async function openBoth<T>(
  configuration: Configuration,
  open: (name: string, setting: 'checkpoint' | 'retrieverCheckpoint') => Promise<T>,
): Promise<{ languageModel: T; retriever: T }> {
  const { checkpoint, retrieverCheckpoint } = configuration;
  const { needsLanguageModel } = objectiveOf(configuration);
  const languageModel = await open(checkpoint, 'checkpoint');
  const isOther = needsLanguageModel && retrieverCheckpoint !== '' && retrieverCheckpoint !== checkpoint;
  return { languageModel, retriever: isOther ? await open(retrieverCheckpoint, 'retrieverCheckpoint') : languageModel };
}

/**
 * Reads config and tokenizer of a checkpoint and sees whether they belong together.
 * @throws ModelFileError, ModelConfigError, CorpusError with what is missing or does not fit.
 */
export async function openPretrained(name: string, files: FileLookup): Promise<Pretrained> {
  const notices: string[] = [];
  const config = await readDecoderConfig(files, (message) => notices.push(message));
  const resolved = resolveSpecialTokens(await readTokenizer(files));
  const embedding = await readEmbeddingCard(files);
  const use = { modelTokens: config.vocabularySize, prefixes: ownPrefixes(embedding) };
  const tokenizer = new TextTokenizer(resolved.files, use);
  notices.push(...resolved.notices, ...templateNotices(tokenizer), ...limitNotices(resolved.files.tokenizerJson));
  if (tokenizer.neededRows > config.vocabularySize)
    throw new CorpusError(
      'invalid-tokenizer',
      `The tokenizer of ${name} has ids up to ${tokenizer.neededRows - 1}, but its model knows ${config.vocabularySize} tokens: ` +
        'they do not belong together. Take tokenizer.json from the same repository as the weights.',
    );
  const checkpoint = await openWeights(files);
  refuseUnusable(checkpoint);
  return {
    name,
    files,
    config,
    tokenizer,
    endIds: resolved.endIds,
    stored: storedFormat(checkpoint),
    notices,
    embedding,
    packed: await readPackedOrigin(files),
    bodyOnly: checkpoint.get('embed_tokens.weight') !== undefined,
  };
}

/** An embedding model's own words, where it was trained on others than the usual ones. */
function ownPrefixes(card: EmbeddingCard | undefined): Prefixes | undefined {
  const [query, passage] = [card?.queryPrompt ?? '', card?.passagePrompt ?? ''];
  const isUsual = query === PREFIXES.query && passage === PREFIXES.passage;
  return isUsual || query + passage === '' ? undefined : { query, passage };
}

/** The files that speak of tokens; all but tokenizer.json may be absent. */
async function readTokenizer(files: FileLookup): Promise<TokenizerSources> {
  const optional = async (name: string) =>
    (await files(name)) ? object(name, await readJson(files, name)) : undefined;
  return {
    tokenizerJson: object('tokenizer.json', await readJson(files, 'tokenizer.json')),
    tokenizerConfig: await optional('tokenizer_config.json'),
    specialTokensMap: await optional('special_tokens_map.json'),
    config: await optional('config.json'),
    generationConfig: await optional('generation_config.json'),
  };
}

function object(name: string, json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ModelFileError(`${name} does not hold an object.`);
  return json as Record<string, unknown>;
}
