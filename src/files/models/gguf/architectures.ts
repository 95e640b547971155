/** A kind of model as llama.cpp names it, and what of it differs from the files of transformers. */
export interface Architecture {
  /** model_type in config.json. */
  readonly modelType: string;
  /**
   * llama.cpp rotates neighbours (2i, 2i + 1) of a head where transformers rotates (i, i + half): for these models the rows of q
   * and k are stored in the order that makes up for it.
   */
  readonly interleavedHeads: boolean;
}

/** By `general.architecture`. Mistral's and SmolLM's files say "llama" too. */
export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  ['llama', { modelType: 'llama', interleavedHeads: true }],
  ['qwen2', { modelType: 'qwen2', interleavedHeads: false }],
  ['qwen3', { modelType: 'qwen3', interleavedHeads: false }],
]);
