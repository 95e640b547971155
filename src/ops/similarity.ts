import type { Runtime } from './core/runtime.ts';
import { gemm } from './core/gemm.ts';
import type { Tensor } from './core/tensor.ts';

/**
 * S_ij = ⟨query_i, passage_j⟩ for embeddings [2B, D] whose first B rows are the queries' and whose last B rows are the
 * passages' (both went through the retriever together). With rows of length one this is the cosine. Returns S [B, B].
 * Backward: ∂queries = ∂S · passages, ∂passages = ∂Sᵀ · queries.
 */
export function similarity(runtime: Runtime, embeddings: Tensor): Tensor {
  const batch = embeddings.rows / 2;
  const width = embeddings.columns;
  if (!Number.isInteger(batch)) throw new Error('similarity: queries and passages must be equally many.');
  const queries = { tensor: embeddings };
  const passages = { tensor: embeddings, offset: batch * width };
  const out = runtime.tensor([batch, batch]);
  gemm(runtime, { layout: 'NT', m: batch, n: batch, k: width, a: queries, b: passages, out: { tensor: out } });
  runtime.tape?.record({
    name: 'similarity',
    inputs: [embeddings],
    outputs: [out],
    saved: [embeddings],
    backward([gradient], tape) {
      if (!gradient) return;
      const target = runtime.tensor(embeddings.shape, 'f32', 'gradients');
      const d = { tensor: gradient };
      gemm(runtime, { layout: 'NN', m: batch, n: width, k: batch, a: d, b: passages, out: { tensor: target } });
      gemm(runtime, {
        layout: 'TN',
        m: batch,
        n: width,
        k: batch,
        a: d,
        b: queries,
        out: { tensor: target, offset: batch * width },
      });
      tape.add(embeddings, target);
    },
  });
  return out;
}
