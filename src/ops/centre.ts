import type { Runtime } from './core/runtime.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

const THREADS = 256;

/** Which rows have which centre: stretches of `each` rows, one after the other, from the centre `first` on. */
export interface CentredRows {
  readonly first: number;
  readonly each: number;
}

/**
 * Rows less a constant: y[r] = x[r] − centres[first + ⌊r / each⌋] for x [N, D] and centres [S, D], any D. The centres get no gradient;
 * that of y goes to x unchanged.
 * @throws Error for rows without a centre.
 */
export function centre(runtime: Runtime, x: Tensor, centres: Tensor, { first, each }: CentredRows): Tensor {
  const { rows, columns } = x;
  expectShape('Centres', centres, [centres.rows, columns]);
  if (first + Math.ceil(rows / each) > centres.rows)
    throw new Error(`${rows} rows, ${each} to a centre, have more than the ${centres.rows} centres that there are.`);
  const y = runtime.tensor(x.shape);
  runtime.dispatch({
    kernel: 'centre/forward',
    params: { count: x.size, columns, first, each },
    bindings: { x: x.slice, centres: centres.slice, y: y.slice },
    groups: [Math.ceil(x.size / THREADS)],
    flops: x.size,
    bytes: 12 * x.size,
  });
  runtime.tape?.record({
    name: 'centre',
    inputs: [x],
    outputs: [y],
    saved: [],
    backward([dy], tape) {
      if (dy) tape.add(x, dy);
    },
  });
  return y;
}
