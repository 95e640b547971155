import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

/** One matrix above the other: [M, D] and [N, D] → [M + N, D], f32. Backward: each gets its rows of the gradient. */
export function stackRows(runtime: Runtime, above: Tensor, below: Tensor): Tensor {
  if (above.columns !== below.columns)
    throw new Error(`stackRows: rows of ${above.columns} and ${below.columns} numbers do not fit together.`);
  const parts = [
    { part: above, offset: 0 },
    { part: below, offset: 4 * above.size },
  ];
  const stretch = (stacked: Tensor, part: Tensor, offset: number) => ({
    buffer: stacked.slice.buffer,
    offset: stacked.slice.offset + offset,
    size: 4 * part.size,
  });
  const out = runtime.tensor([above.rows + below.rows, above.columns]);
  for (const { part, offset } of parts) runtime.recorder.copy(part.slice, stretch(out, part, offset), 4 * part.size);
  runtime.tape?.record({
    name: 'stackRows',
    inputs: [above, below],
    outputs: [out],
    saved: [],
    backward([gradient], tape) {
      if (!gradient) return;
      for (const { part, offset } of parts) {
        if (!part.requiresGrad) continue;
        const own = runtime.tensor(part.shape, 'f32', 'gradients');
        runtime.recorder.copy(stretch(gradient, part, offset), own.slice, 4 * part.size);
        tape.add(part, own);
      }
    },
  });
  return out;
}
