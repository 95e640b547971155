/** How a model computes what may be computed in several ways. The runtime has it while the model's ops run (Runtime.computing). */
export interface Arithmetic {
  /**
   * The operands of matrix products: as they are, or each rounded to what 16 bits hold (IEEE 754 binary16). Products and sums are of 32
   * bits in both cases, and so is all that is not a matrix product.
   */
  readonly products: 'f32' | 'f16';
  /** How the threads of a row add up what each of them has: by way of workgroup memory, or within subgroups as far as these reach. */
  readonly reductions: 'memory' | 'subgroups';
}

/** What every device can, and takes unless it is told otherwise. */
export const USUAL_ARITHMETIC: Arithmetic = { products: 'f32', reductions: 'memory' };

/**
 * Gradients are multiplied by so much before they are rounded to 16 bits, and their products divided by it: a power of two, so that both is
 * exact. 16 bits hold numbers from 6e-5 (in full precision, below which we take zero) to 65504.
 */
export const GRADIENT_SCALE = 2 ** 12;
