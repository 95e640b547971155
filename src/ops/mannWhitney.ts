import { cellsOf, pullBack } from './core/cells.ts';
import type { Runtime } from './core/runtime.ts';
import { mean } from './core/sums.ts';
import type { Tensor } from './core/tensor.ts';

/**
 * Logistic bound of the Mann–Whitney statistic, so of 1 − AUC (arXiv 2510.00137, eq. 2–4): every positive p of the batch against
 * every negative n of the batch, of whatever row:
 * loss = 1/(|p| |n|) Σ_p Σ_n −ln σ((S_p − S_n) / t). (Its eq. 3 prints neither the mean over the negatives nor t.)
 * Gradient: ∂L/∂S_p = −g Σ_n σ((S_n − S_p) / t) / (t |p| |n|);  ∂L/∂S_n = g Σ_p σ((S_n − S_p) / t) / (t |p| |n|).
 * @param similarity S [B, C], f32.
 * @param roles a ROLE of each cell, [B · C].
 * @returns the loss, [1]; 0 where there is no negative.
 * @throws Error for roles that do not fit or hold no positive, and for t below MIN_TEMPERATURE.
 */
export function mannWhitney(
  runtime: Runtime,
  similarity: Tensor,
  roles: Uint32Array<ArrayBuffer>,
  temperature: number,
): Tensor {
  const { positives, negativeCount } = cellsOf(similarity, roles, temperature);
  const { size } = similarity;
  const inverseNegatives = 1 / Math.max(1, negativeCount);
  const pull = runtime.tensor(similarity.shape);
  const positiveLoss = runtime.tensor([positives.length]);
  runtime.dispatch({
    kernel: 'mannWhitney/forward',
    params: { count: size, positiveCount: positives.length, temperature, inverseNegatives },
    bindings: {
      similarity: similarity.slice,
      roles: runtime.fromArray(roles, similarity.shape).slice,
      positives: runtime.fromArray(positives, [positives.length]).slice,
      pull: pull.slice,
      loss: positiveLoss.slice,
    },
    groups: [Math.ceil(size / 64)],
    flops: 26 * positives.length * negativeCount,
    bytes: 8 * size * (1 + positives.length) + 4 * negativeCount * positives.length,
  });
  const loss = mean(runtime, positiveLoss);
  runtime.tape?.record({
    name: 'mannWhitney',
    inputs: [similarity],
    outputs: [loss],
    saved: [pull],
    backward([gradient], tape) {
      const scale = inverseNegatives / (temperature * positives.length);
      if (gradient) pullBack(runtime, tape, { similarity, pull, gradient, scale });
    },
  });
  return loss;
}
