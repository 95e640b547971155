import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

/** The lowest temperature at which similarities in [−1, 1] still make a usable f32 softmax; the paper's own. */
export const MIN_TEMPERATURE = 1e-4;

/**
 * Batch attention A [B, B] from similarities S [B, B]: A_ij = softmax over j ≠ i of S_ij / τ, the diagonal exactly 0, values
 * below the smallest normal f32 exactly 0. One chunk alone has A = 0. Gradient: ∂L/∂S_ij = (1/τ) · A_ij · (g_ij − Σ_k A_ik g_ik).
 * @throws Error when S is not square or τ is below MIN_TEMPERATURE.
 */
export function batchAttention(runtime: Runtime, similarity: Tensor, temperature: number): Tensor {
  const chunks = similarity.columns;
  if (similarity.shape.length !== 2 || similarity.rows !== chunks)
    throw new Error(`Similarities should be a square matrix, but have shape [${similarity.shape.join(', ')}].`);
  if (!(temperature >= MIN_TEMPERATURE))
    throw new Error(`The temperature τ is ${temperature}; it must be at least ${MIN_TEMPERATURE}.`);
  const attention = runtime.tensor(similarity.shape);
  const groups = [Math.ceil(chunks / 64)] as const;
  runtime.dispatch({
    kernel: 'batchAttention/forward',
    params: { chunks, temperature },
    bindings: { similarity: similarity.slice, attention: attention.slice },
    groups,
    flops: 10 * similarity.size,
    bytes: 16 * similarity.size,
  });
  runtime.tape?.record({
    name: 'batchAttention',
    inputs: [similarity],
    outputs: [attention],
    saved: [attention],
    backward([gradient], tape) {
      if (!gradient) return;
      const { tensor, accumulate } = tape.target(similarity);
      runtime.dispatch({
        kernel: 'batchAttention/gradient',
        params: { chunks, temperature, accumulate: Number(accumulate) },
        bindings: { attention: attention.slice, gradient: gradient.slice, similarityGradient: tensor.slice },
        groups,
        flops: 8 * similarity.size,
        bytes: 24 * similarity.size,
      });
    },
  });
  return attention;
}
