import { spawn } from 'node:child_process';
import { openNodeRuntime } from '../src/cli/support/nodeGpu.ts';
import { Random } from '../src/corpus/random.ts';
import { parseDecoderConfig } from '../src/models/config.ts';
import type { DecoderWeights } from '../src/models/weights.ts';
import type { Runtime } from '../src/ops/core/runtime.ts';
import { measureDevice } from '../src/run/deviceBench/measure.ts';
import { plannedRun } from '../src/run/memory.ts';
import { countedRun } from '../src/run/memoryPlan.ts';
import { configure } from '../src/settings/configuration.ts';
import { QWEN_HALF_B } from './checkpointConfigs.ts';
import { median } from './compare.ts';
import { textOf } from './device.ts';
import { UsageError } from './options.ts';
import { formatBytes, formatNumber } from './table.ts';

/** Qwen2.5-0.5B with adapters, as its step is reported; and so little of it that a processor can do it. */
const FULL = {
  layers: QWEN_HALF_B.num_hidden_layers,
  vocabulary: QWEN_HALF_B.vocab_size,
  chunks: 16,
  chunkTokens: 160,
};
const SMALL = { layers: 2, vocabulary: 2048, chunks: 4, chunkTokens: 16 };
const RANK = 16;

const WARM_UP = 2;
const STEPS = { full: 10, small: 3 } as const;

/** Deviation of random weights: activations stay of ordinary size through all layers. */
const DEVIATION = 0.02;
/** Bytes of weights that are sent at once. */
const PIECE = 4 * 2 ** 20;

/**
 * `npm run bench -- gpu`: all that a quarter of an hour on a GPU is good for, in this order, each part printed as it is done: whether every kernel
 * is right (tests/ops against f64), the device's report, and a step of Qwen2.5-0.5B with random weights. `--no-tests` leaves the first out.
 * @returns the exit code: 1 where a kernel is wrong
 */
export async function benchGpu(args: readonly string[], signal: AbortSignal): Promise<number> {
  const unknown = args.filter((arg) => arg !== '--no-tests');
  if (unknown.length > 0) throw new UsageError(`npm run bench -- gpu takes --no-tests, not ${unknown.join(' ')}.`);
  const code = args.includes('--no-tests') ? 0 : await testKernels();
  if (code !== 0) say('Some kernels are wrong on this GPU: times below are of wrong results.');
  const { gpu, destroy } = await openGpu();
  try {
    const host = `Node ${process.versions.node} with Dawn`;
    const report = await measureDevice({ gpu, host, date: new Date(), signal });
    say(textOf(report));
    say(JSON.stringify(report));
    if (!signal.aborted) await stepOfQwen(signal);
  } finally {
    destroy();
  }
  return code;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function openGpu() {
  const runtime = await openNodeRuntime();
  return { gpu: runtime.gpu, destroy: () => runtime.destroy() };
}

/** The ops' own tests, on the GPU that this process found. */
function testKernels(): Promise<number> {
  const child = spawn(process.execPath, ['scripts/test.mjs', 'tests/ops'], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Whole updates of Revela with adapters of rank 16 on Qwen2.5-0.5B: its own shapes, numbers drawn. */
async function stepOfQwen(signal: AbortSignal): Promise<void> {
  const runtime = await openNodeRuntime();
  const { software } = runtime.gpu.info;
  const { layers, vocabulary, chunks, chunkTokens } = software ? SMALL : FULL;
  const config = parseDecoderConfig({ ...QWEN_HALF_B, num_hidden_layers: layers, vocab_size: vocabulary });
  const base = { config, stored: 'bf16' } as const;
  const configuration = configure({ base: 'checkpoint', trained: 'lora', rank: RANK, chunks, chunkTokens });
  try {
    const experiment = await countedRun(runtime, plannedRun(configuration, { languageModel: base, retriever: base }));
    const { retriever, languageModel } = experiment.models;
    for (const weights of new Set([languageModel?.weights ?? retriever.weights, retriever.weights]))
      await drawWeights(runtime, weights);
    const times: number[] = [];
    let [flops, tokens, peak] = [0, 0, 0];
    let before = runtime.recorder.counts;
    let [dispatches, bytes] = [0, 0];
    for (let step = -WARM_UP; step < STEPS[software ? 'small' : 'full']; step++) {
      signal.throwIfAborted();
      const made = await experiment.trainer.step();
      const after = runtime.recorder.counts;
      [dispatches, bytes] = [after.dispatches - before.dispatches, after.bytes - before.bytes];
      before = after;
      ({ flops, tokens } = made);
      peak = made.memory.peakTotal;
      if (step >= 0) times.push(made.stepMs);
    }
    const ms = median(times);
    const size = `${layers} of ${QWEN_HALF_B.num_hidden_layers} layers, ${formatNumber(vocabulary)} of ${formatNumber(QWEN_HALF_B.vocab_size)} words`;
    say(`Qwen2.5-0.5B, B ${chunks} × ${chunkTokens}, LoRA r ${RANK}, bf16, random weights, ${size}:`);
    say(
      `  ${formatNumber(ms)} ms a step (${times.map(formatNumber).join(', ')}), ${formatNumber(flops / ms / 1e9)} TFLOP/s, ` +
        `${formatNumber((1000 * tokens) / ms)} tokens/s, ${formatNumber(flops / 1e9)} GFLOP, ${formatNumber(bytes / 1e9)} GB, ` +
        `${formatNumber(dispatches)} dispatches, ${formatBytes(peak)} at most`,
    );
    experiment.destroy();
  } finally {
    runtime.destroy();
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
