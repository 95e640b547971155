import { MIN_TEMPERATURE } from './batchAttention.ts';
import type { Runtime } from './core/runtime.ts';
import { mean } from './core/sums.ts';
import type { Tensor } from './core/tensor.ts';

export interface DiagonalCrossEntropyResult {
  /** Mean over the rows, [1]. */
  readonly loss: Tensor;
  /** P = softmax(S / τ) by rows, [B, B]. Carries no gradient. */
  readonly probabilities: Tensor;
}

/**
 * Mean cross-entropy of the rows of S [B, B] with the diagonal as labels, as InfoNCE has it (van den Oord et al. 2018,
 * arXiv 1807.03748, eq. 4): loss = 1/B Σ_i (logsumexp_j(S_ij / τ) − S_ii / τ). Gradient: ∂L/∂S_ij = g (P_ij − [i = j]) / (τ B).
 * @throws Error when S is not square or τ is below MIN_TEMPERATURE.
 */
export function diagonalCrossEntropy(
  runtime: Runtime,
  similarity: Tensor,
  temperature: number,
): DiagonalCrossEntropyResult {
  const rows = similarity.columns;
  if (similarity.shape.length !== 2 || similarity.rows !== rows)
    throw new Error(`Similarities should be a square matrix, but have shape [${similarity.shape.join(', ')}].`);
  if (!(temperature >= MIN_TEMPERATURE))
    throw new Error(`The temperature τ is ${temperature}; it must be at least ${MIN_TEMPERATURE}.`);
  const probabilities = runtime.tensor(similarity.shape);
  const rowLoss = runtime.tensor([rows]);
  runtime.dispatch({
    kernel: 'diagonalCrossEntropy/forward',
    params: { rows, temperature },
    bindings: { similarity: similarity.slice, probabilities: probabilities.slice, rowLoss: rowLoss.slice },
    groups: [Math.ceil(rows / 64)],
    flops: 20 * similarity.size,
    bytes: 16 * similarity.size,
  });
  const loss = mean(runtime, rowLoss);
  runtime.tape?.record({
    name: 'diagonalCrossEntropy',
    inputs: [similarity],
    outputs: [loss],
    saved: [probabilities],
    backward([gradient], tape) {
      if (!gradient) return;
      const { tensor, accumulate } = tape.target(similarity);
      runtime.dispatch({
        kernel: 'diagonalCrossEntropy/gradient',
        params: { rows, temperature, accumulate: Number(accumulate) },
        bindings: { probabilities: probabilities.slice, gradient: gradient.slice, similarityGradient: tensor.slice },
        groups: [Math.ceil(similarity.size / 64)],
        flops: 4 * similarity.size,
        bytes: (accumulate ? 12 : 8) * similarity.size,
      });
    },
  });
  return { loss, probabilities };
}
