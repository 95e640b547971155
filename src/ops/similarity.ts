import type { Runtime } from './core/runtime.ts';
import { gemm } from './core/gemm.ts';
import type { Tensor } from './core/tensor.ts';

/**
 * S_ij = ⟨query_i, passage_j⟩ for embeddings [B + C, D] whose first B rows are the queries' and whose last C rows are the
 * passages' (both went through the retriever together). With rows of length one this is the cosine. Returns S [B, C].
 * Backward: ∂queries = ∂S · passages, ∂passages = ∂Sᵀ · queries.
 * @param count B; half of the rows where nobody says.
 * @throws Error where that leaves no whole number of queries, or no passages.
 */
export function similarity(runtime: Runtime, embeddings: Tensor, count = embeddings.rows / 2): Tensor {
  const width = embeddings.columns;
  if (!Number.isInteger(count)) throw new Error('similarity: queries and passages must be equally many.');
  const passageCount = embeddings.rows - count;
  if (count < 1 || passageCount < 1)
    throw new Error(`similarity: ${embeddings.rows} rows with ${count} queries among them leave no passages.`);
  const queries = { tensor: embeddings };
  const passages = { tensor: embeddings, offset: count * width };
  const out = runtime.tensor([count, passageCount]);
  gemm(runtime, { layout: 'NT', m: count, n: passageCount, k: width, a: queries, b: passages, out: { tensor: out } });
  runtime.tape?.record({
    name: 'similarity',
    inputs: [embeddings],
    outputs: [out],
    saved: [embeddings],
    backward([gradient], tape) {
      if (!gradient) return;
      const target = runtime.tensor(embeddings.shape, 'f32', 'gradients');
      const d = { tensor: gradient };
      gemm(runtime, { layout: 'NN', m: count, n: width, k: passageCount, a: d, b: passages, out: { tensor: target } });
      gemm(runtime, {
        layout: 'TN',
        m: passageCount,
        n: width,
        k: count,
        a: d,
        b: queries,
        out: { tensor: target, offset: count * width },
      });
      tape.add(embeddings, target);
    },
  });
  return out;
}
