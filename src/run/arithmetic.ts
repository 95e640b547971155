import type { Arithmetic } from '../ops/core/arithmetic.ts';
import type { Configuration } from '../settings/configuration.ts';

/** How the models of a run compute, as its settings have it. */
export function arithmeticOf({ matmulPrecision: products, reductions }: Configuration): Arithmetic {
  return { products, reductions };
}
