import type { GradientTarget } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import type { Tensor } from './tensor.ts';

const THREADS = 256;
const COLUMNS_PER_GROUP = 32;

/** target += source, in place. Not recorded on the tape: this is how the tape itself sums gradients. */
export function addInto(runtime: Runtime, target: Tensor, source: Tensor): void {
  runtime.dispatch({
    kernel: 'sums/addInto',
    params: { count: target.size },
    bindings: { values: target.slice, addend: source.slice },
    groups: [Math.ceil(target.size / (4 * THREADS))],
    flops: target.size,
    bytes: 12 * target.size,
  });
}

/** target[N] (+)= Σ_t values[t, N]: how a bias [N] collects its gradient. Not recorded on the tape. */
export function columnSums(runtime: Runtime, values: Tensor, { tensor, accumulate }: GradientTarget): void {
  const { rows, columns } = values;
  runtime.dispatch({
    kernel: 'sums/columnSums',
    constants: { ACCUMULATE: accumulate },
    params: { rows, columns },
    bindings: { values: values.slice, sums: tensor.slice },
    groups: [Math.ceil(columns / COLUMNS_PER_GROUP)],
    flops: rows * columns,
    bytes: 4 * (rows + 1) * columns,
  });
}

/** Mean of an f32 tensor, [1]. Not recorded on the tape: whose loss it is knows its gradient. */
export function mean(runtime: Runtime, values: Tensor): Tensor {
  const result = runtime.tensor([1]);
  runtime.dispatch({
    kernel: 'sums/mean',
    params: { count: values.size },
    bindings: { values: values.slice, result: result.slice },
    groups: [1],
    flops: values.size,
    bytes: 4 * values.size,
  });
  return result;
}
