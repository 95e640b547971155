import { quoted } from '../base/quote.ts';
import { configure, type Configuration } from './configuration.ts';

/** A ready-made configuration with a word on what to expect of it. */
export interface Preset {
  readonly id: string;
  readonly title: string;
  readonly expectation: string;
  readonly configuration: Configuration;
  /** What this name meant in links of version 1, where it was something else. */
  readonly earlier?: Configuration;
}

/** What presets on a pretrained checkpoint begin with. */
const PRETRAINED = {
  base: 'checkpoint',
  source: 'kitchen',
  trained: 'lora',
  checkpointing: true,
  chunks: 8,
  chunkTokens: 128,
  groupSize: 2,
  firstHalf: true,
  contextGate: 0.25,
  contextLayers: 'upperHalf',
  vNorm: false,
  pooling: 'mean',
  temperature: 0.05,
  rank: 16,
  alpha: 32,
  learningRate: 3e-4,
  warmup: 10,
  beta2: 0.999,
  evaluateEvery: 10,
  probeEvery: 0,
} as const;

/** What works on a pretrained checkpoint (measured on SmolLM2-135M: docs/METHOD.md, "What gentle rests on"). */
const GENTLE = {
  ...PRETRAINED,
  chunkTokens: 64,
  contextLayers: 'upperThird',
  pooling: 'content',
  retrieverDepth: -1,
  centring: true,
  freezeLanguageModel: true,
  learningRate: 1e-3,
} as const;

/** The paper's values, apart from its dropout. */
const PAPER = {
  ...PRETRAINED,
  contextGate: 1,
  contextLayers: 'all',
  vNorm: true,
  pooling: 'eos',
  temperature: 1e-4,
  firstHalf: true,
  learningRate: 1e-4,
  warmup: 100,
  decaySteps: 10000,
  beta2: 0.999,
  rank: 256,
  alpha: 64,
  chunks: 16,
  chunkTokens: 160,
  groupSize: 8,
  accumulation: 8,
  memoryBudget: 8,
} as const;

export const PRESETS: readonly Preset[] = [
  {
    id: 'facts',
    title: 'Facts, small model',
    expectation:
      'Each fact is told twice. Within a few hundred steps the retriever finds the partner, and the loss with context falls far below the loss alone.',
    configuration: configure({}),
  },
  {
    id: 'facts-sharp',
    title: 'Facts, as sharp as the paper',
    expectation:
      'τ 0.0001: each chunk reads exactly one neighbour, and the retriever gets no gradient. Nothing is learnt; that is the lesson.',
    configuration: configure({ temperature: 1e-4 }),
  },
  {
    id: 'facts-uniform',
    title: 'Facts, uniform control',
    expectation: 'Everybody reads everybody alike, so the retriever learns nothing and the context helps nobody.',
    configuration: configure({ attention: 'uniform' }),
  },
  {
    id: 'facts-infonce',
    title: 'Facts, InfoNCE on crops',
    expectation:
      'No language model: two random crops of each chunk learn to find each other, and about four in ten do. But the second telling of a fact counts as a wrong answer here, so the two are pushed apart: held-out recall sinks below chance.',
    configuration: configure({ objective: 'infoNce' }),
  },
  {
    id: 'prose',
    title: 'Prose, small model',
    expectation:
      'A small model from scratch learns to predict prose a little, and to retrieve nothing: recall stays at chance, far below TF-IDF. A pretrained checkpoint is needed for more.',
    configuration: configure({ source: 'kitchen', width: 128, mlpWidth: 256, decaySteps: 0 }),
  },
  {
    id: 'gentle',
    title: 'Pretrained, gentle',
    expectation:
      'The language model stays as it is and reads its neighbours in the upper third of its layers, at a gate of 0.25. The retriever starts well, from content tokens below the last layer with the mean subtracted, and learns whom to read: ahead of the untrained one within 20 steps, and 0.08 to 0.3 above TF-IDF (three texts, SmolLM2-135M). On a short text 20 to 60 steps are enough.',
    configuration: configure(GENTLE),
    earlier: configure(PRETRAINED),
  },
  {
    id: 'paper',
    title: 'Pretrained, as in the paper',
    expectation:
      'All layers read their neighbours at full strength. An untouched checkpoint is thrown off: its loss jumps to about 10 and needs thousands of steps to come back. The paper trained 10,000.',
    configuration: configure({ ...PAPER, loraDropout: 0.1 }),
    earlier: configure(PAPER),
  },
];

/** @throws Error that lists the presets there are. */
export function preset(id: string): Preset {
  const found = PRESETS.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`There is no preset ${quoted(id)}; there are ${PRESETS.map((p) => p.id).join(', ')}.`);
  return found;
}
