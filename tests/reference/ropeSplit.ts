/**
 * q, k, v of a fused projection [T, (H + 2G)·hd], q and k rotated as x·cos + rot(x)·sin with
 * rot(x) = (−second half, first half) of each head, in f64.
 */
export function ropeSplit(
  qkv: ArrayLike<number>,
  positions: readonly number[],
  { heads, kvHeads, headDim }: { heads: number; kvHeads: number; headDim: number },
  frequencies: ArrayLike<number>,
): [Float64Array, Float64Array, Float64Array] {
  const half = headDim / 2;
  const width = (heads + 2 * kvHeads) * headDim;
  const part = (firstHead: number, count: number, rotate: boolean) => {
    const out = new Float64Array(positions.length * count * headDim);
    positions.forEach((position, t) => {
      for (let h = 0; h < count; h++) {
        const x = (d: number) => qkv[t * width + (firstHead + h) * headDim + d]!;
        for (let d = 0; d < headDim; d++) {
          const angle = position * frequencies[d % half]!;
          const rot = d < half ? -x(d + half) : x(d - half);
          const value = rotate ? x(d) * Math.cos(angle) + rot * Math.sin(angle) : x(d);
          out[(t * count + h) * headDim + d] = value;
        }
      }
    });
    return out;
  };
  return [part(0, heads, true), part(heads, kvHeads, true), part(heads + kvHeads, kvHeads, false)];
}
