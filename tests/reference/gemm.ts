/** What a GEMM is asked to do, on plain arrays; see GemmSpec. */
export interface ReferenceGemm {
  layout: 'NN' | 'NT' | 'TN';
  m: number;
  n: number;
  k: number;
  a: ReferenceMatrix;
  b: ReferenceMatrix;
  out: ReferenceMatrix;
  bias?: ArrayLike<number> | undefined;
  scale?: number;
  accumulate?: boolean;
}

export interface ReferenceMatrix {
  data: ArrayLike<number>;
  offset: number;
  stride: number;
}

/** The whole of `out` after the product, elements outside the result unchanged, in f64. */
export function gemmReference(spec: ReferenceGemm): Float64Array {
  const { layout, m, n, k, a, b, out, bias, scale = 1, accumulate = false } = spec;
  const result = Float64Array.from(out.data);
  const at = ({ data, offset, stride }: ReferenceMatrix, row: number, column: number) =>
    data[offset + row * stride + column] ?? NaN;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++)
        sum += (layout === 'TN' ? at(a, p, i) : at(a, i, p)) * (layout === 'NT' ? at(b, j, p) : at(b, p, j));
      const index = out.offset + i * out.stride + j;
      result[index] = (accumulate ? (result[index] ?? NaN) : 0) + scale * sum + (bias?.[j] ?? 0);
    }
  return result;
}

/** out[m, n] = a[m, k] · b[n, k]ᵀ. */
export function matmulReference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  m: number,
  n: number,
  k: number,
): Float64Array {
  return gemmReference({
    layout: 'NT',
    m,
    n,
    k,
    a: { data: a, offset: 0, stride: k },
    b: { data: b, offset: 0, stride: k },
    out: { data: new Float64Array(m * n), offset: 0, stride: n },
  });
}
