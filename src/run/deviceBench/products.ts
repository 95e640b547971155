import type { GemmSpec } from '../../ops/core/gemm.ts';
import { tokensOf, type ModelShape } from './shapes.ts';

/** A matrix product of a training step. */
export interface Product {
  readonly what: string;
  readonly layout: GemmSpec['layout'];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: 'f32' | 'bf16';
}

/** Those of one layer and of the head: forward (x·Wᵀ, NT), the gradient of the input (dy·W, NN) and of the weight (dyᵀ·x, TN). */
export function products(shape: ModelShape): Product[] {
  const { hidden, heads, kvHeads, headDim, mlp, vocabulary, dtype } = shape;
  const t = tokensOf(shape);
  const weights = [
    { what: 'q, k, v', outputs: (heads + 2 * kvHeads) * headDim, inputs: hidden },
    { what: 'o', outputs: hidden, inputs: heads * headDim },
    { what: 'gate, up', outputs: 2 * mlp, inputs: hidden },
    { what: 'down', outputs: hidden, inputs: mlp },
    { what: 'head', outputs: vocabulary, inputs: hidden },
  ];
  // Weights of one size make the same products: those are measured once, under all their names.
  const sizes = new Map<string, { names: string[]; outputs: number; inputs: number }>();
  for (const { what, ...size } of weights) {
    const key = `${size.outputs} ${size.inputs}`;
    sizes.set(key, { ...size, names: [...(sizes.get(key)?.names ?? []), what] });
  }
  return [...sizes.values()].flatMap(({ names, outputs, inputs }): Product[] => {
    const what = names.join('; ');
    return [
      { what, layout: 'NT', m: t, n: outputs, k: inputs, dtype },
      { what, layout: 'NN', m: t, n: inputs, k: outputs, dtype },
      { what, layout: 'TN', m: outputs, n: inputs, k: t, dtype: 'f32' },
    ];
  });
}
