import { expect, test } from 'vitest';
import {
  CHECKPOINT_SHAPES,
  checkpointPlan,
  normalQuantiles,
  randomBytes,
} from '../../src/cli/support/randomCheckpoint.ts';
import { parseDecoderConfig } from '../../src/models/config.ts';
import { decoderLayout } from '../../src/models/layout.ts';
import { fromBf16 } from '../../src/ops/core/halfPrecision.ts';

test.each([
  ['qwen2.5-0.5b', 494_032_768],
  ['qwen3-0.6b', 596_049_920],
  ['smollm2-135m', 134_515_008],
])('%s has exactly the parameters of the model it is named after', (name, parameters) => {
  const config = parseDecoderConfig(CHECKPOINT_SHAPES[name]);
  const { tensors, fileBytes, header } = checkpointPlan(config, 'bf16');
  const count = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0);
  expect(count).toBe(parameters);
  expect(fileBytes).toBe(header.length + 2 * parameters);
});

test('the plan names every tensor that loading asks for, a head of its own and biases included', () => {
  const config = parseDecoderConfig({ ...CHECKPOINT_SHAPES['tiny'], tie_word_embeddings: false });
  const { tensors } = checkpointPlan(config, 'f32');
  const wanted = decoderLayout(config, { head: true }).flatMap(({ parts }) => parts.map(({ name }) => name));
  expect(tensors.map(({ name }) => name).sort()).toEqual(wanted.sort());
  expect(tensors.find(({ name }) => name === 'lm_head.weight')?.shape).toEqual([1024, 64]);
  expect(tensors.find(({ name }) => name.endsWith('k_proj.bias'))?.shape).toEqual([32]);
});

/** All numbers of a tensor of some name. */
function numbers(name: string, shape: readonly number[], seed: number, dtype: 'BF16' | 'F32' = 'F32'): Float32Array {
  const pieces = [...randomBytes({ name, shape, dtype, begin: 0, end: 0 }, seed)];
  const bytes = Buffer.concat(pieces);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return dtype === 'F32' ? new Float32Array(buffer) : fromBf16(new Uint16Array(buffer));
}

test('matrices are normal with deviation 0.02, norms 1, biases 0', () => {
  const count = 101 * 999;
  const values = numbers('model.layers.0.mlp.up_proj.weight', [101, 999], 1).map((value) => value / 0.02);
  expect(values).toHaveLength(count);
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;
  // Four standard errors of each moment's estimate: √(1, 2, 15, 96) / √n.
  const error = (variance: number) => 4 * Math.sqrt(variance / count);
  expect(Math.abs(moment(1))).toBeLessThan(error(1));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(error(2));
  expect(Math.abs(moment(3))).toBeLessThan(error(15));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(error(96));
  const neighbours = values.slice(1).reduce((sum, value, i) => sum + value * (values[i] ?? 0), 0) / count;
  expect(Math.abs(neighbours)).toBeLessThan(error(1));
  expect(new Set(numbers('model.norm.weight', [7], 1))).toEqual(new Set([1]));
  expect(new Set(numbers('model.layers.0.self_attn.q_proj.bias', [7], 1))).toEqual(new Set([0]));
});

test('seed and name decide the numbers, and bf16 holds the same ones rounded', () => {
  const name = 'model.embed_tokens.weight';
  const first = numbers(name, [9, 9], 1);
  expect(numbers(name, [9, 9], 1)).toEqual(first);
  expect(numbers(name, [9, 9], 2)).not.toEqual(first);
  expect(numbers('lm_head.weight', [9, 9], 1)).not.toEqual(first);
  numbers(name, [9, 9], 1, 'BF16').forEach((value, i) =>
    expect(Math.abs(value - (first[i] ?? NaN))).toBeLessThanOrEqual(2 ** -8 * Math.abs(first[i] ?? NaN)),
  );
});

test('large tensors come in pieces of 16 MiB at most', () => {
  const lengths = Array.from(
    randomBytes({ name: 'lm_head.weight', shape: [3, 3_000_000], dtype: 'F32', begin: 0, end: 0 }, 1),
    (piece) => piece.length,
  );
  expect(Math.max(...lengths)).toBeLessThanOrEqual(16 * 2 ** 20);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(4 * 9_000_000);
});

test('quantiles of the normal distribution', () => {
  const quantiles = normalQuantiles(1000);
  // Φ⁻¹ at probability (k + ½) / 1000.
  for (const [k, value] of [
    [500, 0.00125331],
    [841, 1.00064183],
    [974, 1.95147977],
    [999, 3.29052673],
  ] as const) {
    expect(quantiles[k]).toBeCloseTo(value, 6);
    expect(quantiles[999 - k]).toBe(-(quantiles[k] ?? NaN));
  }
});
