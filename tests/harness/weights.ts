import { quantiseRows } from '../../src/files/models/quantise.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { fromBf16, fromF16, toBf16, toF16 } from '../../src/ops/core/halfPrecision.ts';
import { GROUP_COLUMNS, type Tensor } from '../../src/ops/core/tensor.ts';

export type WeightType = 'f32' | 'bf16' | 'f16' | 'i8';
/** Formats in which any stretch of a tensor can be multiplied with; of i8 only whole tensors can. */
export const WEIGHT_TYPES = ['f32', 'bf16', 'f16'] as const;

/** `values`, in rows of `columns` (which matters for i8 alone), rounded to what `dtype` can hold: what the reference must compute with. */
export function rounded(values: Float32Array, dtype: WeightType, columns = values.length): Float32Array {
  switch (dtype) {
    case 'f32':
      return values;
    case 'bf16':
      return fromBf16(toBf16(values));
    case 'f16':
      return fromF16(toF16(values));
    case 'i8': {
      const { numbers, scales } = quantiseRows(values, columns);
      const wide = fromBf16(scales);
      const groups = Math.ceil(columns / GROUP_COLUMNS);
      return Float32Array.from(
        numbers,
        (number, i) => number * wide[Math.floor(i / columns) * groups + Math.floor((i % columns) / GROUP_COLUMNS)]!,
      );
    }
    default:
      return dtype satisfies never;
  }
}

/** A frozen weight on the GPU in format `dtype`. */
export function weightTensor(
  runtime: Runtime,
  values: Float32Array,
  shape: readonly number[],
  dtype: WeightType,
): Tensor {
  const tensor = runtime.tensor(shape, dtype, 'weights');
  if (tensor.size !== values.length) throw new Error(`${values.length} numbers do not fill [${shape.join(', ')}].`);
  if (tensor.scales) {
    const { numbers, scales } = quantiseRows(values, tensor.columns);
    runtime.recorder.upload(tensor.slice, numbers);
    runtime.recorder.upload(tensor.scales.slice, scales);
  } else
    runtime.recorder.upload(tensor.slice, dtype === 'f32' ? values : dtype === 'bf16' ? toBf16(values) : toF16(values));
  return tensor;
}
