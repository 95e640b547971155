import { isRevelaBatch } from '../../objectives/revela/objective.ts';
import { setUpCorpus } from '../../run/corpusSetup.ts';
import { CorpusFeed } from '../../run/feed.ts';
import { configure } from '../../settings/configuration.ts';

/** Sizes of a language model and of the batch it reads, as the kernels see them. */
export interface ModelShape {
  readonly name: string;
  /** Tokens of each chunk; T is their sum. */
  readonly lengths: readonly number[];
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly mlp: number;
  /** Rows of the head that are multiplied: the vocabulary, or a slice of it. */
  readonly vocabulary: number;
  /** Of the weights; what is trained and all else is f32. */
  readonly dtype: 'f32' | 'bf16';
  /** Numbers that AdamW updates in one dispatch. */
  readonly trained: number;
  /** What was made smaller for a software GPU; undefined: nothing. */
  readonly scaledDown?: string;
}

/** The language model of the default preset, on its first batch. */
export async function smallShape(): Promise<ModelShape> {
  const configuration = configure({});
  const { layers, width: hidden, heads, kvHeads, mlpWidth: mlp } = configuration;
  const corpus = await setUpCorpus(configuration);
  const batch = new CorpusFeed(corpus, configuration).batchAt(0);
  if (!isRevelaBatch(batch)) throw new Error('The default preset trains for Revela.');
  const headDim = hidden / heads;
  const vocabulary = corpus.tokenizer.vocabularySize;
  const perLayer = hidden * (2 * hidden + 2 * kvHeads * headDim + 3 * mlp + 2);
  return {
    name: 'small',
    lengths: batch.tokens.lmIds.map((row) => row.length),
    hidden,
    heads,
    kvHeads,
    headDim,
    mlp,
    vocabulary,
    dtype: 'f32',
    trained: layers * perLayer + (vocabulary + 1) * hidden,
  };
}

/** Adapters of rank 16 on every linear layer of Qwen2.5-0.5B: 24 layers, rank · Σ (inputs + outputs) each. */
const LORA_PARAMETERS = 24 * 16 * (1792 + 1024 + 1024 + 1792 + 3 * 5760);

/**
 * Qwen2.5-0.5B (https://huggingface.co/Qwen/Qwen2.5-0.5B, config.json), frozen in bf16, on 16 chunks of 160 tokens and a
 * quarter of its head. `quick`: few tokens, and a part of the largest matrices, for software GPUs.
 */
export function qwenShape(quick: boolean): ModelShape {
  const shared = {
    name: 'Qwen2.5-0.5B',
    hidden: 896,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    mlp: 4864,
    dtype: 'bf16',
  } as const;
  if (!quick)
    return { ...shared, lengths: Array<number>(16).fill(160), vocabulary: 151936 / 4, trained: LORA_PARAMETERS };
  return {
    ...shared,
    lengths: [16],
    mlp: 4864 / 4,
    vocabulary: 1024,
    trained: LORA_PARAMETERS / 8,
    scaledDown:
      'Qwen2.5-0.5B is scaled down: T = 16 tokens instead of 2,560, a quarter of the MLP, 1,024 rows of the head instead of 37,984, an eighth of the adapters.',
  };
}

/** T. */
export function tokensOf({ lengths }: ModelShape): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}
