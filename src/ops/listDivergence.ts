import { MIN_TEMPERATURE } from './batchAttention.ts';
import type { Runtime } from './core/runtime.ts';
import { mean } from './core/sums.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

export interface ListDivergenceResult {
  /** Mean over the rows, [1]; 0 for one chunk alone, which has no list. */
  readonly loss: Tensor;
  /** Q = softmax over j ≠ i of S_ij / τ_S, the diagonal 0: [B, B]. Carries no gradient. */
  readonly shares: Tensor;
  /** P = softmax over j ≠ i of T_ij / τ_T, the diagonal 0: [B, B]. */
  readonly wanted: Tensor;
}

/**
 * How far each row's list of scores S [B, B] is from what is wanted of it, as scores T [B, B] rank the same list: the other chunks.
 * loss = 1/B Σ_i KL(P_i ‖ Q_i) (Shi et al. 2023, REPLUG, arXiv 2301.12652, eq. 5; summed over the list, a mean over rows only).
 * Gradient: ∂L/∂S_ij = g (Q_ij − P_ij) / (τ_S B); T gets none.
 * @throws Error when the matrices are not square or differ in size, or a temperature is below MIN_TEMPERATURE.
 */
export function listDivergence(
  runtime: Runtime,
  scores: Tensor,
  targets: Tensor,
  { temperature, targetTemperature }: { readonly temperature: number; readonly targetTemperature: number },
): ListDivergenceResult {
  const rows = scores.columns;
  if (scores.shape.length !== 2 || scores.rows !== rows)
    throw new Error(`Scores should be a square matrix, but have shape [${scores.shape.join(', ')}].`);
  expectShape('What is wanted of the scores', targets, scores.shape);
  for (const given of [temperature, targetTemperature])
    if (!(given >= MIN_TEMPERATURE))
      throw new Error(`The temperature τ is ${given}; it must be at least ${MIN_TEMPERATURE}.`);
  const shares = runtime.tensor(scores.shape);
  const wanted = runtime.tensor(scores.shape);
  const rowLoss = runtime.tensor([rows]);
  runtime.dispatch({
    kernel: 'listDivergence/forward',
    params: { rows, temperature, targetTemperature },
    bindings: {
      scores: scores.slice,
      targets: targets.slice,
      shares: shares.slice,
      wanted: wanted.slice,
      rowLoss: rowLoss.slice,
    },
    groups: [Math.ceil(rows / 64)],
    flops: 60 * scores.size,
    bytes: 32 * scores.size,
  });
  const loss = mean(runtime, rowLoss);
  runtime.tape?.record({
    name: 'listDivergence',
    inputs: [scores],
    outputs: [loss],
    saved: [shares, wanted],
    backward([gradient], tape) {
      if (!gradient) return;
      const { tensor, accumulate } = tape.target(scores);
      runtime.dispatch({
        kernel: 'listDivergence/gradient',
        params: { rows, temperature, accumulate: Number(accumulate) },
        bindings: {
          shares: shares.slice,
          wanted: wanted.slice,
          gradient: gradient.slice,
          scoresGradient: tensor.slice,
        },
        groups: [Math.ceil(scores.size / 64)],
        flops: 5 * scores.size,
        bytes: (accumulate ? 16 : 12) * scores.size,
      });
    },
  });
  return { loss, shares, wanted };
}
