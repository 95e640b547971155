import { adamw } from '../src/ops/adamw.ts';
import { causalAttention } from '../src/ops/causalAttention.ts';
import { linearCrossEntropy } from '../src/ops/linearCrossEntropy.ts';
import { rmsNorm } from '../src/ops/rmsNorm.ts';
import { makeRows, type Rows } from '../src/ops/rows.ts';
import { swiglu } from '../src/ops/swiglu.ts';
import { Tape } from '../src/ops/tape.ts';
import { compare, type CompareOptions, type Measurement, type Variant } from './compare.ts';
import type { MeasuredContext } from './measuredContext.ts';
import { input, opVariant } from './opVariant.ts';
import { tokensOf, type ModelShape } from './shapes.ts';
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
  context: MeasuredContext,
  shape: ModelShape,
  options: CompareOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { op, shape: described, make } of ops(context, shape)) {
    context.beginScope();
    const measured = await compare(context, [make()], options);
    context.endScope();
    context.pool.trim();
    for (const phases of measured.values())
      for (const [phase, measurement] of phases)
        rows.push({ model: shape.name, op, shape: described, phase, ...rates(measurement) });
  }
  return rows;
}

function rates({ ms, flops, bytes }: Measurement): Row {
  return { ms, gflops: flops / ms / 1e6, gbytes: bytes / ms / 1e6 };
}

function ops(context: MeasuredContext, model: ModelShape): Op[] {
  const { hidden, heads, kvHeads, headDim, mlp, vocabulary, trained } = model;
  const t = tokensOf(model);
  return [
    {
      op: 'causal attention',
      shape: `T ${t}, H ${heads}, G ${kvHeads}, hd ${headDim}`,
      make: () => attentionVariant(context, model),
    },
    {
      op: 'RMSNorm',
      shape: `${t} × ${hidden}`,
      make: () => {
        const [x, weight] = [input(context, [t, hidden]), input(context, [hidden])];
        return opVariant(context, 'rmsNorm', () => rmsNorm(context, x, weight, 1e-6));
      },
    },
    {
      op: 'SwiGLU',
      shape: `${t} × ${2 * mlp}`,
      make: () => {
        const gateUp = input(context, [t, 2 * mlp]);
        return opVariant(context, 'swiglu', () => swiglu(context, gateUp));
      },
    },
    {
      op: 'linear cross-entropy',
      shape: `R ${t}, ${hidden} → ${vocabulary}`,
      make: () => crossEntropyVariant(context, model),
    },
    { op: 'AdamW', shape: formatNumber(trained), make: () => adamwVariant(context, trained) },
  ];
}

function attentionVariant(context: MeasuredContext, model: ModelShape): Variant {
  const { lengths, heads, kvHeads, headDim } = model;
  const t = tokensOf(model);
  const q = input(context, [t, heads * headDim]);
  const [k, v] = [input(context, [t, kvHeads * headDim]), input(context, [t, kvHeads * headDim])];
  const rows: Rows = makeRows(context, lengths);
  return opVariant(context, 'causalAttention', () => causalAttention(context, q, k, v, rows, model));
}

/** The gradients are computed together with the loss, so the phases are without and with them. */
function crossEntropyVariant(context: MeasuredContext, model: ModelShape): Variant {
  const { hidden, vocabulary, dtype } = model;
  const t = tokensOf(model);
  const states = input(context, [t, hidden]);
  const weight = context.tensor([vocabulary, hidden], dtype, 'weights');
  context.recorder.clear(weight.slice);
  weight.requiresGrad = dtype === 'f32';
  const positions = context.fromArray(
    Uint32Array.from({ length: t }, (_, i) => i),
    [t],
  );
  const targets = context.fromArray(
    Uint32Array.from({ length: t }, (_, i) => i % vocabulary),
    [t],
  );
  const loss = (): void => {
    context.scope(() => {
      linearCrossEntropy(context, states, [{ weight }], positions, targets, { weight: 1 });
    });
  };
  return {
    name: 'linearCrossEntropy',
    *phases(times) {
      for (let i = 0; i < times; i++) loss();
      yield 'loss only';
      for (let i = 0; i < times; i++) {
        const tape = new Tape(context);
        context.tape = tape;
        loss();
        context.tape = undefined;
        tape.dispose();
      }
      yield 'loss and gradients';
    },
  };
}

function adamwVariant(context: MeasuredContext, count: number): Variant {
  const zeros = () => context.zeros([count], 'optimiser');
  const arena = { parameters: zeros(), gradients: zeros(), m: zeros(), v: zeros() };
  const norm = context.fromArray(new Float32Array([1]), [1]);
  const settings = {
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0,
    clipNorm: 1,
    step: 1,
  };
  return {
    name: 'adamw',
    *phases(times) {
      for (let i = 0; i < times; i++) adamw(context, arena, norm, settings);
      yield 'update';
    },
  };
}
