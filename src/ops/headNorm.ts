import { columnSums } from './core/sums.ts';
import type { Runtime } from './core/runtime.ts';
import { reducing } from './core/reductions.ts';
import { rowLanes } from './core/rowLanes.ts';
import type { OpTape } from './core/opTape.ts';
import { expectShape, type Tensor } from './core/tensor.ts';
import type { HeadLayout } from './ropeSplit.ts';

/** Query heads, about, whose share of the weights' gradient one thread adds up. */
const HEADS_PER_BLOCK = 32;
const COLUMNS_PER_GROUP = 64;

/**
 * RMS normalisation of each query and key head by itself, before the rotation (QK-norm of Qwen3, after Dehghani et al. 2023):
 * y = x · 1/√(mean(x²) + epsilon) · g over the head_dim numbers of a head, with g the first row of `weight` for queries
 * and the second for keys. Values are handed on as they are.
 * qkv, y: [T, (H + 2G)·hd] as ropeSplit takes it; weight: f32 [2·hd]. Backward to qkv and to a trainable weight.
 * @throws Error when the shapes do not match.
 */
export function headNorm(runtime: Runtime, qkv: Tensor, layout: HeadLayout, weight: Tensor, epsilon: number): Tensor {
  const { heads, kvHeads, headDim: columns } = layout;
  const tokens = qkv.rows;
  const headsOfToken = heads + 2 * kvHeads;
  expectShape('The input of headNorm', qkv, [tokens, headsOfToken * columns]);
  expectShape('The weight of headNorm', weight, [2 * columns]);
  const rows = tokens * headsOfToken;
  const lanes = rowLanes(runtime, columns);
  const constants = { ...lanes.constants, HEADS: heads, KV_HEADS: kvHeads };
  const y = runtime.tensor(qkv.shape);
  const inverseRms = runtime.tensor([rows]);
  const groups = [Math.ceil(rows / lanes.rowsPerGroup)] as const;
  runtime.dispatch({
    ...reducing(runtime, 'headNorm/forward', constants),
    params: { rows, columns, epsilon },
    bindings: { x: qkv.slice, weight: weight.slice, y: y.slice, inverseRms: inverseRms.slice },
    groups,
    flops: 4 * rows * columns,
    bytes: 8 * rows * columns + 4 * (rows + 2 * columns),
  });
  runtime.tape?.record({
    name: 'headNorm',
    inputs: [qkv, weight],
    outputs: [y],
    saved: [qkv, weight, inverseRms],
    backward([dy], tape) {
      if (!dy) return;
      if (weight.requiresGrad) weightGradient(runtime, qkv, layout, inverseRms, dy, weight, tape);
      if (!qkv.requiresGrad) return;
      const { tensor: dx, accumulate } = tape.target(qkv);
      runtime.dispatch({
        ...reducing(runtime, 'headNorm/gradient', constants),
        params: { rows, columns, accumulate: Number(accumulate) },
        bindings: {
          x: qkv.slice,
          weight: weight.slice,
          inverseRms: inverseRms.slice,
          dy: dy.slice,
          dx: dx.slice,
        },
        groups,
        flops: 7 * rows * columns,
        bytes: (accumulate ? 16 : 12) * rows * columns + 4 * (rows + 2 * columns),
      });
    },
  });
  return y;
}

function weightGradient(
  runtime: Runtime,
  qkv: Tensor,
  { heads, kvHeads, headDim: columns }: HeadLayout,
  inverseRms: Tensor,
  dy: Tensor,
  weight: Tensor,
  tape: OpTape,
): void {
  const tokens = qkv.rows;
  const tokensPerBlock = Math.max(1, Math.floor(HEADS_PER_BLOCK / heads));
  const blocks = Math.ceil(tokens / tokensPerBlock);
  const partials = runtime.tensor([blocks, 2 * columns], 'f32', 'scratch');
  const normed = tokens * (heads + kvHeads);
  runtime.dispatch({
    kernel: 'headNorm/weightGradient',
    constants: { HEADS: heads, KV_HEADS: kvHeads },
    params: { tokens, columns, tokensPerBlock },
    bindings: { x: qkv.slice, inverseRms: inverseRms.slice, dy: dy.slice, partials: partials.slice },
    groups: [Math.ceil((2 * columns) / COLUMNS_PER_GROUP), blocks],
    flops: 3 * normed * columns,
    bytes: 8 * columns * (normed + blocks) + 4 * normed,
  });
  columnSums(runtime, partials, tape.target(weight));
}
