import { adamw, adamwNumbers } from '../src/ops/adamw.ts';
import { causalAttention } from '../src/ops/causalAttention.ts';
import { linearCrossEntropy, lossSeed } from '../src/ops/linearCrossEntropy.ts';
import { rmsNorm } from '../src/ops/rmsNorm.ts';
import { makeRows, type Rows } from '../src/ops/core/rows.ts';
import { swiglu } from '../src/ops/swiglu.ts';
import { Tape } from '../src/ops/core/tape.ts';
import { compare, type CompareOptions, type Measurement, type Variant } from './compare.ts';
import type { MeasuredRuntime } from './measuredRuntime.ts';
import { input, opVariant } from './opVariant.ts';
import { tokensOf, type ModelShape } from '../src/run/deviceBench/shapes.ts';
import { formatNumber, type Column, type Row } from './table.ts';

export const KERNEL_COLUMNS: readonly Column[] = [
  { key: 'model', title: 'model' },
  { key: 'op', title: 'op' },
  { key: 'shape', title: 'shape' },
  { key: 'phase', title: 'phase' },
  { key: 'ms', title: 'ms' },
  { key: 'gflops', title: 'GFLOP/s' },
  { key: 'gbytes', title: 'GB/s' },
];

/** An op on the shapes of a model. */
interface Op {
  readonly op: string;
  readonly shape: string;
  /** Called in a scope that ends when the op has been measured. */
  readonly make: () => Variant;
}

/** Everything in a step that is no matrix product: a row per op and phase. */
export async function benchKernels(
  runtime: MeasuredRuntime,
  shape: ModelShape,
  options: CompareOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { op, shape: described, make } of ops(runtime, shape)) {
    runtime.beginScope();
    const measured = await compare(runtime, [make()], options);
    runtime.endScope();
    runtime.pool.trim();
    for (const phases of measured.values())
      for (const [phase, measurement] of phases)
        rows.push({ model: shape.name, op, shape: described, phase, ...rates(measurement) });
  }
  return rows;
}

function rates({ ms, flops, bytes }: Measurement): Row {
  return { ms, gflops: flops / ms / 1e6, gbytes: bytes / ms / 1e6 };
}

function ops(runtime: MeasuredRuntime, model: ModelShape): Op[] {
  const { hidden, heads, kvHeads, headDim, mlp, vocabulary, trained } = model;
  const t = tokensOf(model);
  return [
    {
      op: 'causal attention',
      shape: `T ${t}, H ${heads}, G ${kvHeads}, hd ${headDim}`,
      make: () => attentionVariant(runtime, model),
    },
    {
      op: 'RMSNorm',
      shape: `${t} × ${hidden}`,
      make: () => {
        const [x, weight] = [input(runtime, [t, hidden]), input(runtime, [hidden])];
        return opVariant(runtime, 'rmsNorm', () => rmsNorm(runtime, x, weight, 1e-6));
      },
    },
    {
      op: 'SwiGLU',
      shape: `${t} × ${2 * mlp}`,
      make: () => {
        const gateUp = input(runtime, [t, 2 * mlp]);
        return opVariant(runtime, 'swiglu', () => swiglu(runtime, gateUp));
      },
    },
    {
      op: 'linear cross-entropy',
      shape: `R ${t}, ${hidden} → ${vocabulary}`,
      make: () => crossEntropyVariant(runtime, model),
    },
    { op: 'AdamW', shape: formatNumber(trained), make: () => adamwVariant(runtime, trained) },
  ];
}

function attentionVariant(runtime: MeasuredRuntime, model: ModelShape): Variant {
  const { lengths, heads, kvHeads, headDim } = model;
  const t = tokensOf(model);
  const q = input(runtime, [t, heads * headDim]);
  const [k, v] = [input(runtime, [t, kvHeads * headDim]), input(runtime, [t, kvHeads * headDim])];
  const rows: Rows = makeRows(runtime, lengths);
  return opVariant(runtime, 'causalAttention', () => causalAttention(runtime, q, k, v, rows, model));
}

/** The gradients are computed together with the loss, so the phases are without and with them. */
function crossEntropyVariant(runtime: MeasuredRuntime, model: ModelShape): Variant {
  const { hidden, vocabulary, dtype } = model;
  const t = tokensOf(model);
  const states = input(runtime, [t, hidden]);
  const weight = runtime.tensor([vocabulary, hidden], dtype, 'weights');
  runtime.recorder.clear(weight.slice);
  weight.requiresGrad = dtype === 'f32';
  const positions = runtime.fromArray(
    Uint32Array.from({ length: t }, (_, i) => i),
    [t],
  );
  const targets = runtime.fromArray(
    Uint32Array.from({ length: t }, (_, i) => i % vocabulary),
    [t],
  );
  const seed = lossSeed(runtime, 1);
  const loss = (): void => {
    runtime.scope(() => {
      linearCrossEntropy(runtime, states, [{ weight }], positions, targets, { seed });
    });
  };
  return {
    name: 'linearCrossEntropy',
    *phases(times) {
      for (let i = 0; i < times; i++) loss();
      yield 'loss only';
      for (let i = 0; i < times; i++) {
        const tape = new Tape(runtime);
        runtime.tape = tape;
        loss();
        runtime.tape = undefined;
        tape.dispose();
      }
      yield 'loss and gradients';
    },
  };
}

function adamwVariant(runtime: MeasuredRuntime, count: number): Variant {
  const zeros = () => runtime.zeros([count], 'optimiser');
  const arena = { parameters: zeros(), gradients: zeros(), m: zeros(), v: zeros() };
  const norm = runtime.fromArray(new Float32Array([1]), [1]);
  const settings = {
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0,
    clipNorm: 1,
  };
  const numbers = adamwNumbers(runtime, { learningRate: 1e-3, step: 1 }, settings);
  return {
    name: 'adamw',
    *phases(times) {
      for (let i = 0; i < times; i++) adamw(runtime, arena, norm, numbers, settings);
      yield 'update';
    },
  };
}
