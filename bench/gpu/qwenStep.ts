import { Random } from '../../src/corpus/random.ts';
import { parseDecoderConfig } from '../../src/models/config.ts';
import type { DecoderWeights } from '../../src/models/weights.ts';
import type { ObjectiveBatch } from '../../src/objectives/objective.ts';
import { isRevelaBatch, type RevelaBatch } from '../../src/objectives/revela/objective.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Experiment } from '../../src/run/assemble.ts';
import { plannedRun } from '../../src/run/memory.ts';
import { countedRun } from '../../src/run/memoryPlan.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { QWEN_HALF_B } from '../checkpointConfigs.ts';
import { formatNumber } from '../table.ts';

/** Qwen2.5-0.5B as its step is reported; and so little of it that a processor can do it. */
const FULL = {
  layers: QWEN_HALF_B.num_hidden_layers,
  vocabulary: QWEN_HALF_B.vocab_size,
  chunks: 16,
  chunkTokens: 160,
};
const SMALL = { layers: 1, vocabulary: 2048, chunks: 4, chunkTokens: 8 };
const RANK = 16;

/** Deviation of random weights: activations stay of ordinary size through all layers. */
const DEVIATION = 0.02;
/** Bytes of weights that are sent at once. */
const PIECE = 4 * 2 ** 20;

/** What the step is, for whoever is to make the same. */
export interface StepWork {
  readonly title: string;
  /** config.json of the checkpoint. */
  readonly checkpoint: Readonly<Record<string, unknown>>;
  readonly configuration: Configuration;
  /** Rows of tokens, and where their texts stand in them. */
  readonly batch: RevelaBatch;
}

/** Some steps in a row. */
export interface MadeSteps {
  /** ms each. */
  readonly times: readonly number[];
  /** Of the last: near the logarithm of the number of words, since weights are drawn. */
  readonly loss: number;
}

/** What one of them is by the ops' own counts. */
export interface StepCounts {
  readonly flops: number;
  readonly bytes: number;
  readonly dispatches: number;
  readonly tokens: number;
  /** Of GPU memory, at most. */
  readonly peakBytes: number;
}

/** The run whose step is measured, at the size that suits a device. @throws Error where full rows are of another kind */
export function workFor(software: boolean) {
  const { layers, vocabulary, chunks, chunkTokens } = software ? SMALL : FULL;
  const checkpoint = { ...QWEN_HALF_B, num_hidden_layers: layers, vocab_size: vocabulary };
  const base = { config: parseDecoderConfig(checkpoint), stored: 'bf16' } as const;
  const configuration = configure({ base: 'checkpoint', trained: 'lora', rank: RANK, chunks, chunkTokens });
  const run = plannedRun(configuration, { languageModel: base, retriever: base });
  const { batch } = run;
  if (!isRevelaBatch(batch)) throw new Error('The default objective is Revela.');
  const size = `${layers} of ${QWEN_HALF_B.num_hidden_layers} layers, ${formatNumber(vocabulary)} of ${formatNumber(QWEN_HALF_B.vocab_size)} words`;
  const title = `Qwen2.5-0.5B, B ${chunks} × ${chunkTokens}, LoRA r ${RANK}, bf16, random weights, ${size}`;
  const work: StepWork = { title, checkpoint, configuration, batch };
  return { work, run };
}

/** Whole updates of Revela with adapters on Qwen2.5-0.5B: its own shapes, numbers drawn. */
export class QwenStep {
  private constructor(
    private readonly runtime: Runtime,
    private readonly experiment: Experiment<ObjectiveBatch>,
  ) {}

  /** Puts the models on the runtime's GPU. @throws the GPU's errors */
  static async open(runtime: Runtime, run: ReturnType<typeof workFor>['run']): Promise<QwenStep> {
    const experiment = await countedRun(runtime, run);
    const { retriever, languageModel } = experiment.models;
    for (const weights of new Set([languageModel?.weights ?? retriever.weights, retriever.weights]))
      await drawWeights(runtime, weights);
    return new QwenStep(runtime, experiment);
  }

  /** @throws AbortError before a step, once `signal` says so; the GPU's errors */
  async make(count: number, signal: AbortSignal): Promise<MadeSteps & { readonly counts: StepCounts }> {
    const { recorder } = this.runtime;
    const times: number[] = [];
    let loss = NaN;
    let counts: StepCounts = { flops: 0, bytes: 0, dispatches: 0, tokens: 0, peakBytes: 0 };
    for (let step = 0; step < count; step++) {
      signal.throwIfAborted();
      const before = recorder.counts;
      const made = await this.experiment.trainer.step();
      const after = recorder.counts;
      times.push(made.stepMs);
      ({ loss } = made);
      counts = {
        flops: made.flops,
        tokens: made.tokens,
        peakBytes: made.memory.peakTotal,
        bytes: after.bytes - before.bytes,
        dispatches: after.dispatches - before.dispatches,
      };
    }
    return { times, loss, counts };
  }

  destroy(): void {
    this.experiment.destroy();
  }
}

/** Gives frozen weights numbers of ordinary size: a GPU is faster, and cooler, on zeros. Norms are 1. */
async function drawWeights(runtime: Runtime, weights: DecoderWeights): Promise<void> {
  const random = Random.fromSeed(1);
  const drawn = Float32Array.from({ length: PIECE / 4 }, () => DEVIATION * random.normal());
  const halves = Uint16Array.from(new Uint32Array(drawn.buffer), (word) => word >>> 16);
  for (const { key, role } of weights.specs) {
    const { slice, dtype } = weights.tensor(key);
    const numbers = role === 'norm' ? new Float32Array(slice.size / 4).fill(1) : dtype === 'f32' ? drawn : halves;
    for (let at = 0; at < slice.size; at += PIECE) {
      const size = Math.min(PIECE, slice.size - at);
      const piece = new Uint8Array(numbers.buffer, 0, Math.min(size, numbers.byteLength));
      runtime.recorder.upload({ buffer: slice.buffer, offset: slice.offset + at, size }, piece);
      await runtime.recorder.flush();
    }
  }
}
