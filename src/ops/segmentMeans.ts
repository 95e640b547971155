import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

/** Stretches of a list of numbers, end to end, and where the mean of each belongs. */
export interface Segments {
  /** First number of each, and their count at the end: u32 [N + 1]. No segment is empty. */
  readonly starts: Tensor;
  /** Index into the result, all different: u32 [N]. */
  readonly places: Tensor;
}

/**
 * result[places[n]] = factor · mean(values[starts[n] … starts[n + 1] − 1]), for N segments of values [R]; other numbers of `result`
 * stay. No gradient: what is compared here is a yardstick.
 * @throws Error when starts and places do not belong together.
 */
export function segmentMeans(
  runtime: Runtime,
  values: Tensor,
  { starts, places }: Segments,
  result: Tensor,
  factor: number,
): void {
  const segments = places.size;
  if (starts.size !== segments + 1)
    throw new Error(`segmentMeans: ${starts.size} starts do not fit ${segments} segments.`);
  runtime.dispatch({
    kernel: 'segmentMeans/forward',
    params: { segments, factor },
    bindings: { values: values.slice, starts: starts.slice, places: places.slice, result: result.slice },
    groups: [Math.ceil(segments / 64)],
    flops: values.size,
    bytes: 4 * (values.size + 3 * segments),
  });
}
