import type { Dispatch } from '../src/gpu/commands.ts';
import { dryDevice, type DryLimits } from '../src/gpu/dryDevice.ts';
import { parseDecoderConfig } from '../src/models/config.ts';
import { Runtime } from '../src/ops/core/runtime.ts';
import { setUpCorpus } from '../src/run/corpusSetup.ts';
import { CorpusFeed } from '../src/run/feed.ts';
import { plannedRun, type PlannedBase } from '../src/run/memory.ts';
import { countedRun, type PlannedRun } from '../src/run/memoryPlan.ts';
import { smallBases } from '../src/run/openRun.ts';
import { configure, type Configuration } from '../src/settings/configuration.ts';
import { QWEN_HALF_B, SMOLLM2 } from './checkpointConfigs.ts';

/** What GPUs of laptops and desktops allow: bindings of 2 GiB. */
const USUAL_LIMITS: DryLimits = {
  maxBufferSize: 2 ** 31,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** A training step whose work is counted. */
export interface CountedStep {
  readonly step: string;
  readonly make: () => Promise<Counted>;
}

interface Counted {
  readonly run: PlannedRun;
  readonly feed?: Parameters<typeof countedRun>[2];
}

export const COUNTED_STEPS: readonly CountedStep[] = [
  { step: 'facts, small model', make: () => factsStep() },
  {
    step: 'SmolLM2-135M, B 8 × 64, LoRA r 8',
    make: () => adapterStep(SMOLLM2, { chunks: 8, chunkTokens: 64, rank: 8, alpha: 16 }),
  },
  {
    step: 'the same with dropout 0.1',
    make: () => adapterStep(SMOLLM2, { chunks: 8, chunkTokens: 64, rank: 8, alpha: 16, loraDropout: 0.1 }),
  },
  {
    step: 'Qwen2.5-0.5B, B 16 × 160, LoRA r 16',
    make: () => adapterStep(QWEN_HALF_B, { chunks: 16, chunkTokens: 160, rank: 16, alpha: 32 }),
  },
];

/** The default preset on its first batch. */
async function factsStep(): Promise<Counted> {
  const configuration = configure({});
  const corpus = await setUpCorpus(configuration);
  const bases = smallBases(configuration, corpus.tokenizer.vocabularySize);
  const run = plannedRun(configuration, bases, corpus.longestRow);
  return { run, feed: new CorpusFeed(corpus, configuration) };
}

/** Revela with adapters on all projections of one frozen bf16 base, every layer reading, full rows, nothing recomputed. */
function adapterStep(config: unknown, changes: Partial<Configuration>): Promise<Counted> {
  const base: PlannedBase = { config: parseDecoderConfig(config), stored: 'bf16' };
  const configuration = configure({ base: 'checkpoint', trained: 'lora', checkpointing: false, ...changes });
  return Promise.resolve({ run: plannedRun(configuration, { languageModel: base, retriever: base }) });
}

/**
 * What a training step dispatches, with the bytes and operations that the ops count: recorded on a device that computes nothing, with
 * the limits and tiles of a usual GPU. Needs no GPU, and is the same on every machine.
 */
export async function dispatchesOf({ make }: CountedStep): Promise<Dispatch[]> {
  const { run, feed } = await make();
  const info = { vendor: '', architecture: '', description: '', software: false };
  const runtime = new Runtime(dryDevice({ limits: USUAL_LIMITS, info }));
  const { trainer } = await countedRun(runtime, run, feed);
  const all: Dispatch[] = [];
  const record = runtime.dispatch.bind(runtime);
  runtime.dispatch = (dispatch) => {
    all.push(dispatch);
    record(dispatch);
  };
  await trainer.step();
  return all;
}
