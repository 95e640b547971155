import { matmulReference } from './gemm.ts';

export interface ReferenceLora {
  scale: number;
  rank: number;
  /** [parts · rank, k]. */
  a: ArrayLike<number>;
  /** `factors`: what x [t, k] is multiplied by before A_p reads it; undefined: 1. */
  parts: readonly {
    rowOffset: number;
    rows: number;
    b: ArrayLike<number>;
    factors?: ArrayLike<number> | undefined;
  }[];
}

/** y[t, n] = x · Wᵀ + bias + scale · (x · A_pᵀ) · B_pᵀ, the update written as a sum over ranks, in f64. */
export function linearReference(
  sizes: { t: number; n: number; k: number },
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias?: ArrayLike<number>,
  lora?: ReferenceLora,
): Float64Array {
  const { t, n, k } = sizes;
  const y = matmulReference(x, weight, t, n, k);
  for (let row = 0; row < t; row++) {
    if (bias) for (let column = 0; column < n; column++) y[row * n + column]! += bias[column] ?? NaN;
    lora?.parts.forEach(({ rowOffset, rows, b, factors }, p) => {
      for (let r = 0; r < lora.rank; r++) {
        let reduced = 0;
        for (let i = 0; i < k; i++) {
          const factor = factors ? (factors[row * k + i] ?? NaN) : 1;
          reduced += factor * (x[row * k + i] ?? NaN) * (lora.a[(p * lora.rank + r) * k + i] ?? NaN);
        }
        for (let j = 0; j < rows; j++)
          y[row * n + rowOffset + j]! += lora.scale * reduced * (b[j * lora.rank + r] ?? NaN);
      }
    });
  }
  return y;
}
