/** How the learning rate moves over the updates of a run. */
export interface Schedule {
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Updates over which it grows linearly from zero; the highest is reached at update number `warmup`. */
  readonly warmup: number;
  /** Update at which it has fallen linearly to zero; 0: it stays. */
  readonly decaySteps: number;
}

/** Learning rate of update number `step` (from 1). */
export function learningRateAt({ learningRate, warmup, decaySteps }: Schedule, step: number): number {
  if (step < warmup) return (learningRate * step) / warmup;
  if (decaySteps <= 0) return learningRate;
  if (step >= decaySteps) return 0;
  return (learningRate * (decaySteps - step)) / Math.max(1, decaySteps - warmup);
}
