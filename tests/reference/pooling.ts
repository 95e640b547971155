import type { Pooling } from '../../src/ops/pooling.ts';

/** One vector per row of hidden [T, columns]: the last token's, the mean, the first token's, or the mean of its content; f64. */
export function poolRows(
  hidden: ArrayLike<number>,
  lengths: readonly number[],
  columns: number,
  pooling: Pooling,
  content: readonly (readonly [number, number])[] = [],
): Float64Array {
  const pooled = new Float64Array(lengths.length * columns);
  let start = 0;
  lengths.forEach((length, b) => {
    const spans = { eos: [length - 1, length], mean: [0, length], first: [0, 1], content: content[b] };
    const [from, end] = spans[pooling]!.map((place) => start + place) as [number, number];
    for (let t = from; t < end; t++)
      for (let c = 0; c < columns; c++) pooled[b * columns + c]! += hidden[t * columns + c]! / (end - from);
    start += length;
  });
  return pooled;
}
