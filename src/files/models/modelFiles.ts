import { shown } from '../../models/config.ts';
import { MODULES, POOLING_CONFIG, PROMPTS_CONFIG } from './sentenceTransformers.ts';
import { ModelFileError } from '../formats/byteSource.ts';

/** A file that a decoder's folder has or may have. */
export interface ModelFile {
  readonly name: string;
  readonly required: boolean;
  /** What it is for, and for an optional one what happens without it. */
  readonly purpose: string;
}

export const SINGLE_WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** What the weights of a GGUF file are called among the files that are made from it (ggufFolder.ts). */
export const GGUF_WEIGHTS = 'model.gguf';

/** What is read of a model besides its weights. */
export const MODEL_FILES: readonly ModelFile[] = [
  { name: 'config.json', required: true, purpose: 'the shape of the model' },
  { name: 'tokenizer.json', required: true, purpose: 'how text is cut into tokens' },
  {
    name: 'tokenizer_config.json',
    required: false,
    purpose: 'which token ends a text; without it another file says so',
  },
  {
    name: 'special_tokens_map.json',
    required: false,
    purpose: 'which token ends a text, in older repositories',
  },
  {
    name: 'generation_config.json',
    required: false,
    purpose: 'which tokens end a generated text; without it those of config.json do',
  },
  { name: MODULES, required: false, purpose: 'which parts an embedding model has' },
  { name: POOLING_CONFIG, required: false, purpose: 'how an embedding model makes one vector of a text' },
  { name: PROMPTS_CONFIG, required: false, purpose: 'which words an embedding model puts before a text' },
];

const SHARD = /^[A-Za-z0-9_][\w.-]{0,119}\.safetensors$/;
const MOST_SHARDS = 1000;

/**
 * File names that an index of weights lists, each once. An index comes from strangers: only plain names of safetensors
 * files are taken, so that no path leads out of the model's folder and no other file of it is overwritten.
 * @throws ModelFileError: what is wrong with the index.
 */
export function shardsOf(index: unknown): string[] {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new ModelFileError(`${WEIGHTS_INDEX} has no weight_map that says which file holds which tensor.`);
  const shards = new Set<string>();
  for (const shard of Object.values(map as Record<string, unknown>)) {
    if (typeof shard !== 'string' || !SHARD.test(shard) || shard.includes('..'))
      throw new ModelFileError(
        `${WEIGHTS_INDEX} names ${shown(shard)} as a file of weights. Only plain names that end in .safetensors are read: this index is damaged or hostile.`,
      );
    shards.add(shard);
  }
  if (shards.size === 0 || shards.size > MOST_SHARDS)
    throw new ModelFileError(`${WEIGHTS_INDEX} names ${shards.size} files; a model has from 1 to ${MOST_SHARDS}.`);
  return [...shards].sort();
}
