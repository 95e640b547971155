import { writeSafetensors, type TensorToStore } from '../../files/formats/safetensors.ts';
import { revela, type RevelaForward, type RevelaOptions } from '../../objectives/revela.ts';
import type { TokenBatch } from '../../corpus/types.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { Tape } from '../../ops/core/tape.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { Optimiser } from '../../training/optimiser.ts';
import { readForward, type BatchResult } from '../../training/results.ts';
import { readGoldenBatches, readGoldenOptions, type GoldenOptimizer } from '../support/goldenFolder.ts';
import { loadGoldenModels, type BaseOptions, type GoldenModels } from '../support/goldenModels.ts';
import type { Outputs } from '../support/outputs.ts';

/** The numbers of expected.json. */
export interface StepReport {
  readonly loss: number;
  readonly ntpLoss: number;
  readonly isolatedLoss: number;
  readonly similarity: number[][];
  readonly attention: number[][];
  readonly ntpTokenLoss: number[][];
  readonly isolatedTokenLoss: number[][];
  readonly gradNorm: number;
  readonly curve?: number[];
  readonly curveGradNorm?: number[];
}

export interface StepOutcome {
  readonly report: StepReport;
  /** The tensors of expected.safetensors, under the same names. */
  readonly tensors: readonly TensorToStore[];
}

/** `step DIR --out FILE`: runs one step of a golden folder, prints its numbers and writes its tensors. */
export async function goldenStep(runtime: Runtime, folder: string, outputs: Outputs): Promise<void> {
  const { report, tensors } = await runGoldenStep(runtime, folder);
  await outputs.write('--out', () => [writeSafetensors(tensors)]);
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** Runs the step (and the curve, when the folder has an optimizer) of a golden folder. */
export async function runGoldenStep(
  runtime: Runtime,
  folder: string,
  changes: Partial<RevelaOptions> = {},
  bases: BaseOptions = {},
): Promise<StepOutcome> {
  const golden = await readGoldenOptions(folder);
  const batches = await readGoldenBatches(folder);
  const models = await loadGoldenModels(runtime, folder, golden, bases);
  const options: RevelaOptions = { ...golden, checkpointing: false, ...changes };
  const optimizer = golden.optimizer;
  const optimiser = new Optimiser(runtime, models.groups, {
    beta1: optimizer?.betas[0] ?? 0.9,
    beta2: optimizer?.betas[1] ?? 0.999,
    epsilon: optimizer?.eps ?? 1e-8,
    weightDecay: optimizer?.weightDecay ?? 0,
    clipNorm: optimizer?.clipNorm ?? 0,
  });
  try {
    const first = batches[0];
    if (!first) throw new Error('There is no batch.');
    const outcome = await firstStep(runtime, models, optimiser, first, options);
    if (!optimizer) return outcome;
    return await withCurve(runtime, models, optimiser, batches, options, optimizer, outcome);
  } finally {
    optimiser.destroy();
    models.destroy();
  }
}

async function firstStep(
  runtime: Runtime,
  models: GoldenModels,
  optimiser: Optimiser,
  batch: TokenBatch,
  options: RevelaOptions,
): Promise<StepOutcome> {
  const pending: Promise<TensorToStore[]>[] = [];
  const lengths = batch.lmIds.map((row) => row.length);
  const { heads, kvHeads, headDim } = models.languageModel.config;
  const padded = (name: string, tensor: Tensor, tail: number[]) =>
    pending.push(runtime.read(tensor).then((values) => [padRows(name, values, lengths, tail)]));
  optimiser.zeroGradients();
  const tape = new Tape(runtime);
  runtime.beginScope();
  try {
    const forward = await revela(runtime, tape, models, batch, options, {
      observePlain: (name, tensor) => {
        const [kind, layer] = name.split('.');
        if (kind === 'keys') padded(`plainKeys.${layer}`, tensor, [kvHeads, headDim]);
        if (kind === 'values') padded(`plainValues.${layer}`, tensor, [kvHeads, headDim]);
      },
      observeInBatch: (name, tensor) => {
        if (name.startsWith('attentionOutput.')) padded(name, tensor, [heads * headDim]);
      },
    });
    const numbers = readForward(runtime, forward);
    pending.push(runtime.read(forward.embeddings).then((values) => splitEmbeddings(values, batch.lmIds.length)));
    tape.backward(forward.roots, [forward.similarity]);
    pending.push(...similarityGradient(runtime, tape, forward));
    pending.push(...readTrained(runtime, models, 'grad.', (tensor) => tensor.gradient));
    const { total } = optimiser.norms();
    const norm = runtime.read(total);
    await runtime.recorder.flush();
    return {
      report: { ...reportOf(await numbers, options), gradNorm: (await norm)[0] ?? NaN },
      tensors: joinShards((await Promise.all(pending)).flat()).sort((a, b) => (a.name < b.name ? -1 : 1)),
    };
  } finally {
    tape.dispose();
    runtime.endScope();
  }
}

async function withCurve(
  runtime: Runtime,
  models: GoldenModels,
  optimiser: Optimiser,
  batches: readonly TokenBatch[],
  options: RevelaOptions,
  { learningRates }: GoldenOptimizer,
  outcome: StepOutcome,
): Promise<StepOutcome> {
  const curve: number[] = [];
  const curveGradNorm: number[] = [];
  for (const [t, learningRate] of learningRates.entries()) {
    const batch = batches[t % batches.length];
    if (!batch) throw new Error('There is no batch.');
    optimiser.zeroGradients();
    const tape = new Tape(runtime);
    runtime.beginScope();
    try {
      const forward = await revela(runtime, tape, models, batch, options);
      const numbers = readForward(runtime, forward);
      tape.backward(forward.roots);
      const { total } = optimiser.norms();
      optimiser.update(learningRate, total);
      const norm = runtime.read(total);
      await runtime.recorder.flush();
      curve.push(reportOf(await numbers, options).loss);
      curveGradNorm.push((await norm)[0] ?? NaN);
    } finally {
      tape.dispose();
      runtime.endScope();
    }
  }
  const final = readTrained(runtime, models, 'final.', (tensor) => tensor);
  await runtime.recorder.flush();
  return {
    report: { ...outcome.report, curve, curveGradNorm },
    tensors: [...outcome.tensors, ...joinShards((await Promise.all(final)).flat())],
  };
}

function reportOf(numbers: BatchResult, { dualLoss }: RevelaOptions): Omit<StepReport, 'gradNorm'> {
  const { ntpLoss, isolatedLoss } = numbers;
  const size = Math.sqrt(numbers.similarity.length);
  const matrix = (values: Float32Array) =>
    Array.from({ length: size }, (_, i) => Array.from(values.subarray(i * size, (i + 1) * size)));
  return {
    loss: dualLoss ? ntpLoss + isolatedLoss : ntpLoss,
    ntpLoss,
    isolatedLoss,
    similarity: matrix(numbers.similarity),
    attention: matrix(numbers.attention),
    ntpTokenLoss: numbers.ntpTokenLoss.map((row) => Array.from(row)),
    isolatedTokenLoss: numbers.isolatedTokenLoss.map((row) => Array.from(row)),
  };
}

/** Packed rows [T, …tail] as [B, L, …tail], zero where a row has ended. */
function padRows(
  name: string,
  packed: Float32Array,
  lengths: readonly number[],
  tail: readonly number[],
): TensorToStore {
  const width = tail.reduce((product, length) => product * length, 1);
  const longest = Math.max(...lengths);
  const data = new Float32Array(lengths.length * longest * width);
  let start = 0;
  lengths.forEach((length, row) => {
    data.set(packed.subarray(start * width, (start + length) * width), row * longest * width);
    start += length;
  });
  return { name, shape: [lengths.length, longest, ...tail], data };
}

function splitEmbeddings(values: Float32Array, batch: number): TensorToStore[] {
  const half = values.length / 2;
  const shape = [batch, half / batch];
  return [
    { name: 'embeddings.query', shape, data: values.slice(0, half) },
    { name: 'embeddings.passage', shape, data: values.slice(half) },
  ];
}

function similarityGradient(runtime: Runtime, tape: Tape, forward: RevelaForward): Promise<TensorToStore[]>[] {
  const { shape, size, requiresGrad } = forward.similarity;
  if (!requiresGrad) return [];
  const gradient = tape.gradientOf(forward.similarity);
  // Where no layer reads its neighbours the loss does not depend on S: the gradient is 0, not absent.
  const values = gradient ? runtime.read(gradient) : Promise.resolve(new Float32Array(size));
  return [values.then((data) => [{ name: 'grad.similarity', shape, data }])];
}

/** Puts the shards of a table, which come in order under one name, together again. */
function joinShards(tensors: readonly TensorToStore[]): TensorToStore[] {
  const joined = new Map<string, TensorToStore>();
  for (const tensor of tensors) {
    const before = joined.get(tensor.name);
    if (!before) {
      joined.set(tensor.name, tensor);
      continue;
    }
    const data = new Float32Array(before.data.length + tensor.data.length);
    data.set(before.data);
    data.set(tensor.data, before.data.length);
    const [rows = 0, ...tail] = before.shape;
    joined.set(tensor.name, { name: tensor.name, shape: [rows + (tensor.shape[0] ?? 0), ...tail], data });
  }
  return [...joined.values()];
}

function readTrained(
  runtime: Runtime,
  models: GoldenModels,
  prefix: string,
  what: (tensor: Tensor) => Tensor | undefined,
): Promise<TensorToStore[]>[] {
  return models.trained.flatMap(({ tensor, parts }) => {
    const source = what(tensor);
    if (!source) return [];
    const tail = tensor.shape.slice(1);
    const width = tail.reduce((product, length) => product * length, 1);
    return [
      runtime.read(source).then((values) =>
        parts.map(({ name, rowOffset, rows }) => {
          // A shard of a table begins inside the named tensor: its rowOffset is negative.
          const first = Math.max(0, rowOffset);
          return {
            name: prefix + name,
            shape: [rows, ...tail],
            data: values.slice(first * width, (first + rows) * width),
          };
        }),
      ),
    ];
  });
}
