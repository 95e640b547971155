/**
 * How long work takes on this GPU, learnt while it runs. Operating systems kill long dispatches and pages stutter behind
 * long submits, so the recorder asks here before it packs work together (ARCHITECTURE.md: ≤ 20 ms a dispatch, ≤ 100 ms a submit).
 */
export const DISPATCH_BUDGET_MS = 20;
export const SUBMIT_BUDGET_MS = 100;

/** First guess, slow on purpose: a software GPU's rate, in work units (FLOP or bytes, whichever is more) per ms. */
const FIRST_GUESS_PER_MS = 2e6;
/** What a dispatch costs however little it does, in ms. */
const DISPATCH_OVERHEAD_MS = 0.02;

export class BudgetEstimator {
  #ratePerMs = FIRST_GUESS_PER_MS;
  #kernelRates = new Map<string, number>();

  /** Expected time in ms of a dispatch of `kernel` that does `work` units. */
  estimate(kernel: string, work: number): number {
    return DISPATCH_OVERHEAD_MS + work / (this.#kernelRates.get(kernel) ?? this.#ratePerMs);
  }

  /** A measured submit: `estimatedMs` is what estimate() had said for all of it, `work` its units. */
  observeSubmit(work: number, estimatedMs: number, measuredMs: number): void {
    if (work <= 0 || measuredMs <= 0 || estimatedMs <= 0) return;
    const ratio = Math.min(8, Math.max(1 / 8, estimatedMs / measuredMs));
    // Move half way on a log scale: one noisy submit must not double the next one.
    this.#scale(Math.sqrt(ratio));
  }

  /** A measured kernel (timestamps): its own rate from now on. */
  observeKernel(kernel: string, work: number, measuredMs: number): void {
    if (work > 0 && measuredMs > 0.1) this.#kernelRates.set(kernel, work / measuredMs);
  }

  #scale(factor: number): void {
    this.#ratePerMs *= factor;
    for (const [kernel, rate] of this.#kernelRates) this.#kernelRates.set(kernel, rate * factor);
  }
}
