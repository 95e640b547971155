export interface AdamWState {
  parameters: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** clip_grad_norm_ over all of `gradients`, then one torch.optim.AdamW step, in place and in f64. */
export function adamw(
  { parameters, m, v }: AdamWState,
  gradients: ArrayLike<number>,
  settings: {
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    step: number;
    clipNorm: number;
  },
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step, clipNorm } = settings;
  const norm = Math.sqrt(Array.from(gradients).reduce((sum, g) => sum + g * g, 0));
  const factor = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradients[i]! * factor;
    parameters[i]! *= 1 - learningRate * weightDecay;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const mHat = m[i]! / (1 - beta1 ** step);
    parameters[i]! -= (learningRate * mHat) / (Math.sqrt(v[i]!) / Math.sqrt(1 - beta2 ** step) + epsilon);
  }
}
