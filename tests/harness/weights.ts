import type { Context } from '../../src/ops/context.ts';
import { fromBf16, fromF16, toBf16, toF16 } from '../../src/ops/halfPrecision.ts';
import type { Tensor } from '../../src/ops/tensor.ts';

export type WeightType = 'f32' | 'bf16' | 'f16';
export const WEIGHT_TYPES: readonly WeightType[] = ['f32', 'bf16', 'f16'];

/** `values` rounded to what `dtype` can hold: what the reference must compute with. */
export function rounded(values: Float32Array, dtype: WeightType): Float32Array {
  if (dtype === 'f32') return values;
  return dtype === 'bf16' ? fromBf16(toBf16(values)) : fromF16(toF16(values));
}

/** A frozen weight on the GPU in format `dtype`. */
export function weightTensor(
  context: Context,
  values: Float32Array,
  shape: readonly number[],
  dtype: WeightType,
): Tensor {
  const tensor = context.tensor(shape, dtype, 'weights');
  if (tensor.size !== values.length) throw new Error(`${values.length} numbers do not fill [${shape.join(', ')}].`);
  context.recorder.upload(tensor.slice, dtype === 'f32' ? values : dtype === 'bf16' ? toBf16(values) : toF16(values));
  return tensor;
}
