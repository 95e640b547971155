import type { Runtime } from './core/runtime.ts';
import { gemm } from './core/gemm.ts';
import type { Tensor } from './core/tensor.ts';

/**
 * out[M, N] = a[M, K] · b[N, K]ᵀ: every row of a with every row of b, as for a similarity matrix.
 * Backward: da = dout · b, db = doutᵀ · a. @throws Error when the rows differ in length.
 */
export function matmul(runtime: Runtime, a: Tensor, b: Tensor): Tensor {
  const [m, n, k] = [a.rows, b.rows, a.columns];
  if (b.columns !== k) throw new Error(`matmul: rows of ${k} and of ${b.columns} numbers have no product.`);
  const out = runtime.tensor([m, n]);
  gemm(runtime, { layout: 'NT', m, n, k, a: { tensor: a }, b: { tensor: b }, out: { tensor: out } });
  runtime.tape?.record({
    name: 'matmul',
    inputs: [a, b],
    outputs: [out],
    saved: [a, b],
    backward([gradient], tape) {
      if (!gradient) return;
      const dout = { tensor: gradient };
      if (a.requiresGrad) {
        const { tensor, accumulate } = tape.target(a);
        gemm(runtime, { layout: 'NN', m, n: k, k: n, a: dout, b: { tensor: b }, out: { tensor }, accumulate });
      }
      if (b.requiresGrad) {
        const { tensor, accumulate } = tape.target(b);
        gemm(runtime, { layout: 'TN', m: n, n: k, k: m, a: dout, b: { tensor: a }, out: { tensor }, accumulate });
      }
    },
  });
  return out;
}
