import type { Runtime } from './runtime.ts';
import type { GradientTarget } from './tape.ts';
import type { Tensor } from './tensor.ts';

const COLUMNS_PER_GROUP = 32;

/** target[N] (+)= Σ_t values[t, N]: how a bias [N] collects its gradient. Not recorded on the tape. */
export function columnSums(runtime: Runtime, values: Tensor, { tensor, accumulate }: GradientTarget): void {
  const { rows, columns } = values;
  runtime.dispatch({
    kernel: 'columnSums',
    constants: { ACCUMULATE: accumulate },
    params: { rows, columns },
    bindings: { values: values.slice, sums: tensor.slice },
    groups: [Math.ceil(columns / COLUMNS_PER_GROUP)],
    flops: rows * columns,
    bytes: 4 * (rows + 1) * columns,
  });
}
