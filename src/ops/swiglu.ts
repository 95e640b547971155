import type { Runtime } from './core/runtime.ts';
import { SWIGLU_FLOPS, swigluGradient } from './core/swigluGradient.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

const THREADS = 256;

/**
 * Gated unit of the decoder's MLP (SwiGLU, Shazeer 2020): out = silu(gate) · up, with gate the first and up the last F
 * columns of gateUp [T, 2F]; out: [T, F], any F.
 * @throws Error when the columns are odd in number, so that they have no halves.
 */
export function swiglu(runtime: Runtime, gateUp: Tensor): Tensor {
  const { rows } = gateUp;
  const columns = gateUp.columns / 2;
  if (!Number.isInteger(columns))
    throw new Error(
      `swiglu: ${gateUp.columns} columns cannot be half gates and half values. The weight behind them needs an even number of rows.`,
    );
  expectShape('The input of swiglu', gateUp, [rows, 2 * columns]);
  const out = runtime.tensor([rows, columns]);
  const count = out.size;
  const groups = [Math.ceil(count / THREADS)] as const;
  runtime.dispatch({
    kernel: 'swiglu/forward',
    params: { count, columns },
    bindings: { gateUp: gateUp.slice, out: out.slice },
    groups,
    flops: SWIGLU_FLOPS * out.size,
    bytes: 12 * out.size,
  });
  runtime.tape?.record({
    name: 'swiglu',
    inputs: [gateUp],
    outputs: [out],
    saved: [gateUp],
    backward([dout], tape) {
      if (!dout) return;
      swigluGradient(runtime, gateUp, dout, tape.target(gateUp));
    },
  });
  return out;
}
