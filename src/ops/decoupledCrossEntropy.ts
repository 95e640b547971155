import { cellsOf, pullBack } from './core/cells.ts';
import type { Runtime } from './core/runtime.ts';
import { mean } from './core/sums.ts';
import type { Tensor } from './core/tensor.ts';

/**
 * Decoupled softmax cross-entropy (Gupta et al., Dual-Encoders for Extreme Multi-label Classification, ICLR 2024): every positive of
 * a row is set against the row's negatives alone, its other positives left out of the denominator:
 * loss = 1/n Σ_{i, l positive} −ln( e^{S_il / τ} / (e^{S_il / τ} + Σ_{k negative} e^{S_ik / τ}) ) over all n positives of the batch
 * (the paper sums). With one positive a row it is plain cross-entropy. A row without negatives adds 0.
 * Gradient, with p_il the share of l: ∂L/∂S_il = g (p_il − 1) / (τ n);  ∂L/∂S_ik = g softmax_k(S_ik / τ) Σ_l (1 − p_il) / (τ n).
 * @param similarity S [B, C], f32.
 * @param roles a ROLE of each cell, [B · C].
 * @returns the loss, [1].
 * @throws Error for roles that do not fit or hold no positive, and for τ below MIN_TEMPERATURE.
 */
export function decoupledCrossEntropy(
  runtime: Runtime,
  similarity: Tensor,
  roles: Uint32Array<ArrayBuffer>,
  temperature: number,
): Tensor {
  const { positives } = cellsOf(similarity, roles, temperature);
  const { rows, columns, size } = similarity;
  const pull = runtime.tensor(similarity.shape);
  const rowLoss = runtime.tensor([rows]);
  runtime.dispatch({
    kernel: 'decoupledCrossEntropy/forward',
    // The mean over the rows, which follows, divides by their number and not by that of the positives.
    params: { rows, columns, temperature, weight: rows / positives.length },
    bindings: {
      similarity: similarity.slice,
      roles: runtime.fromArray(roles, similarity.shape).slice,
      pull: pull.slice,
      rowLoss: rowLoss.slice,
    },
    groups: [Math.ceil(rows / 64)],
    flops: 16 * size + 24 * positives.length,
    bytes: 28 * size,
  });
  const loss = mean(runtime, rowLoss);
  runtime.tape?.record({
    name: 'decoupledCrossEntropy',
    inputs: [similarity],
    outputs: [loss],
    saved: [pull],
    backward([gradient], tape) {
      if (gradient)
        pullBack(runtime, tape, { similarity, pull, gradient, scale: 1 / (temperature * positives.length) });
    },
  });
  return loss;
}
