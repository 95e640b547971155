import type { Dropout } from '../ops/core/dropout.ts';

/**
 * Passes of a batch through a model that learns, by the number that they have in a site: the retriever's, then the language model's.
 * Each has masks of its own, as PyTorch draws them anew at each call.
 */
const PASSES = ['queries', 'passages', 'plain', 'inBatch', 'pairs'] as const;
export type DropoutPass = (typeof PASSES)[number];

/** Dropout of one pass. */
export interface PassDropout extends Dropout {
  readonly pass: DropoutPass;
}

/** A batch's dropout in one of its passes. */
export function inPass(dropout: Dropout | undefined, pass: DropoutPass): PassDropout | undefined {
  return dropout && { ...dropout, pass };
}

/**
 * Under which site a projection's mask is drawn: pass · 2¹⁶ + layer · 2³ + projection, the last by its number in LORA_TARGETS (lora.ts), so
 * that it hangs on nothing else that is adapted.
 */
export function dropoutSite(pass: DropoutPass, layer: number, projection: number): number {
  return PASSES.indexOf(pass) * 2 ** 16 + layer * 2 ** 3 + projection;
}
