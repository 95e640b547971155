import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';
import { reducing } from './core/reductions.ts';
import { rowLanes } from './core/rowLanes.ts';

/** Least divisor: PyTorch's F.normalize has the same, so that a row of zeros stays zero. */
const FLOOR = 1e-12;

/**
 * Rows of length 1, so that dot products are cosines: y = x / max(‖x‖, 1e-12) for x [B, D], any D. Backward as
 * torch.nn.functional.normalize: a row shorter than the floor is divided by a constant.
 */
export function l2Normalize(runtime: Runtime, x: Tensor): Tensor {
  const { rows, columns } = x;
  const { constants, rowsPerGroup } = rowLanes(runtime, columns);
  const groups = [Math.ceil(rows / rowsPerGroup)] as const;
  const y = runtime.tensor(x.shape);
  const norms = runtime.tensor([rows]);
  runtime.dispatch({
    ...reducing(runtime, 'l2Normalize/forward', constants),
    params: { rows, columns, floor: FLOOR },
    bindings: { x: x.slice, y: y.slice, norms: norms.slice },
    groups,
    flops: 3 * x.size,
    bytes: 8 * x.size + 4 * rows,
  });
  runtime.tape?.record({
    name: 'l2Normalize',
    inputs: [x],
    outputs: [y],
    saved: [x, norms],
    backward([dy], tape) {
      if (!dy) return;
      const { tensor: dx, accumulate } = tape.target(x);
      runtime.dispatch({
        ...reducing(runtime, 'l2Normalize/gradient', constants),
        params: { rows, columns, floor: FLOOR, accumulate: Number(accumulate) },
        bindings: { x: x.slice, norms: norms.slice, dy: dy.slice, dx: dx.slice },
        groups,
        flops: 7 * x.size,
        bytes: (accumulate ? 16 : 12) * x.size + 4 * rows,
      });
    },
  });
  return y;
}
