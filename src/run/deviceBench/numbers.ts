import { Random } from '../../corpus/random.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { DType, Tensor } from '../../ops/core/tensor.ts';

/** Numbers on a device, and the same here. */
export interface Known {
  readonly tensor: Tensor;
  readonly numbers: Float32Array;
}

/** So many are drawn, and repeated: a prime, so that no row is like another. */
const DRAWN = 65_521;

/** Numbers in [−1, 1) with eight bits each, which f32 and bf16 hold exactly; owned by the scope. */
export function knownNumbers(runtime: Runtime, shape: readonly number[], dtype: DType, seed: number): Known {
  const random = Random.fromSeed(seed);
  const drawn = Float32Array.from({ length: DRAWN }, () => random.integer(256) / 128 - 1);
  const numbers = new Float32Array(shape.reduce((product, length) => product * length, 1));
  for (let at = 0; at < numbers.length; at += DRAWN) numbers.set(drawn.subarray(0, numbers.length - at), at);
  const tensor = runtime.tensor(shape, dtype);
  runtime.recorder.upload(tensor.slice, dtype === 'bf16' ? upperHalves(numbers) : numbers);
  return { tensor, numbers };
}

/** bf16 is the upper half of f32. */
function upperHalves(numbers: Float32Array): Uint16Array {
  const bits = new Uint32Array(numbers.buffer);
  return Uint16Array.from(bits, (word) => word >>> 16);
}

/** A result at some places, as f64 has it. */
export interface Sample {
  readonly at: number;
  readonly expected: number;
}

/** Largest difference of `found` from the samples, over the largest of these. */
export function deviationFrom(samples: readonly Sample[], found: ArrayLike<number>): number {
  const largest = Math.max(...samples.map(({ expected }) => Math.abs(expected)));
  // NaN stays NaN in a maximum.
  return Math.max(...samples.map(({ at, expected }) => Math.abs((found[at] ?? NaN) - expected))) / largest;
}

/** `count` places of `size`, the first and the last among them. */
export function placesIn(size: number, count: number): number[] {
  const random = Random.fromSeed(size);
  return [0, size - 1, ...Array.from({ length: Math.max(0, count - 2) }, () => random.integer(size))];
}
