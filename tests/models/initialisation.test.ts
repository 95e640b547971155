import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseDecoderConfig } from '../../src/models/config.ts';
import { initialAdapter, initialWeights, orthonormalRows } from '../../src/models/initialisation.ts';
import { decoderLayout } from '../../src/models/layout.ts';
import { LoraAdapter } from '../../src/models/lora.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { seededRandom } from '../harness/numerics.ts';
import { QWEN2_JSON } from '../harness/tinyDecoder.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** Standard normal numbers (Box–Muller). */
function normalSource(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const config = parseDecoderConfig({ ...QWEN2_JSON, hidden_size: 48, vocab_size: 300, intermediate_size: 100 });
const specs = decoderLayout(config, { head: true });
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

test('matrices are normal with deviation 0.02, the embedding with 1/√width, norms 1, biases 0', () => {
  const weights = initialWeights(config, specs, 'normal', normalSource(1));
  expect([...weights.keys()]).toEqual(specs.map(({ key }) => key));
  for (const { key, role, shape } of specs) {
    const values = weights.get(key)!;
    expect(values.length).toBe(shape.reduce((product, length) => product * length, 1));
    if (role === 'norm') expect(values.every((value) => value === 1)).toBe(true);
    else if (role === 'bias') expect(values.every((value) => value === 0)).toBe(true);
    else {
      const deviation = role === 'embedding' ? 1 / Math.sqrt(config.hiddenSize) : 0.02;
      const scaled = Array.from(values, (value) => value / deviation);
      const n = scaled.length;
      const mean = scaled.reduce((sum, value) => sum + value, 0) / n;
      const moment = (power: number) => scaled.reduce((sum, value) => sum + value ** power, 0) / n;
      // Five standard errors: √(1/n) of the mean, √(2/n) of the variance, √(96/n) of the fourth moment.
      expect(Math.abs(mean), key).toBeLessThan(5 * Math.sqrt(1 / n));
      expect(Math.abs(moment(2) - 1), key).toBeLessThan(5 * Math.sqrt(2 / n));
      expect(Math.abs(moment(4) - 3), key).toBeLessThan(5 * Math.sqrt(96 / n));
    }
  }
});

test('the same seed gives the same weights, another one others', () => {
  for (const kind of ['normal', 'copyPrior'] as const) {
    const draw = (seed: number) => initialWeights(config, specs, kind, normalSource(seed));
    expect(draw(2)).toEqual(draw(2));
    expect(draw(3).get('0.qkv.weight')).not.toEqual(draw(2).get('0.qkv.weight'));
  }
});

test('copy prior: rows of W_v are orthonormal and W_o = 0.5 · W_vᵀ / √group for every head of a group', () => {
  const plain = initialWeights(config, specs, 'normal', normalSource(4));
  const weights = initialWeights(config, specs, 'copyPrior', normalSource(4));
  const { heads, kvHeads, headDim, hiddenSize } = config;
  const group = heads / kvHeads;
  for (const layer of [0, 1]) {
    const qkv = weights.get(`${layer}.qkv.weight`)!;
    const o = weights.get(`${layer}.o.weight`)!;
    const valueStart = (heads + kvHeads) * headDim;
    const row = (r: number) => qkv.subarray((valueStart + r) * hiddenSize, (valueStart + r + 1) * hiddenSize);
    for (let i = 0; i < kvHeads * headDim; i++)
      for (let j = 0; j <= i; j++) expect(dot(row(i), row(j))).toBeCloseTo(i === j ? 1 : 0, 6);
    for (let head = 0; head < heads; head++)
      for (let d = 0; d < headDim; d++) {
        const column = Float32Array.from(
          { length: hiddenSize },
          (_, r) => o[r * heads * headDim + head * headDim + d]!,
        );
        const value = row(Math.floor(head / group) * headDim + d);
        expect(column).toEqual(value.map((x) => (0.5 / Math.sqrt(group)) * x));
      }
    // Queries and keys are drawn as ever.
    expect(qkv.subarray(0, valueStart * hiddenSize)).toEqual(
      plain.get(`${layer}.qkv.weight`)!.subarray(0, valueStart * hiddenSize),
    );
  }
  expect(weights.get('0.qkv.weight')).not.toEqual(weights.get('1.qkv.weight'));
  expect(weights.get('0.down.weight')).toEqual(plain.get('0.down.weight'));
  const norms = specs.filter(({ role }) => role === 'norm');
  expect(() => initialWeights(config, norms, 'copyPrior', normalSource(4))).toThrow(/needs the attention weights/);
});

test('more rows than columns come in orthonormal sets', () => {
  const [rows, columns] = [11, 4];
  const values = orthonormalRows(rows, columns, normalSource(5));
  const row = (r: number) => values.subarray(r * columns, (r + 1) * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++)
      if (Math.floor(i / columns) === Math.floor(j / columns))
        expect(dot(row(i), row(j))).toBeCloseTo(i === j ? 1 : 0, 6);
  expect(row(0)).not.toEqual(row(4));
});

test('an adapter starts with A uniform in ±1/√columns and B zero', () => {
  const adapter = new LoraAdapter(runtime, config, { rank: 16, alpha: 16, targets: ['q_proj', 'down_proj'] });
  const values = initialAdapter(adapter, seededRandom(6));
  expect([...values.keys()]).toEqual(adapter.specs.map(({ key }) => key));
  for (const { key, matrix, shape } of adapter.specs) {
    const numbers = values.get(key)!;
    expect(numbers.length).toBe(shape[0]! * shape[1]!);
    const bound = 1 / Math.sqrt(shape[1]!);
    const largest = Math.max(...numbers.map(Math.abs));
    if (matrix === 'B') expect(largest).toBe(0);
    else {
      expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(largest).toBeGreaterThan(0.98 * bound);
      // Variance of a uniform number is bound² / 3; its standard error bound² · √(4/45 / n).
      const variance = dot(numbers, numbers) / numbers.length;
      expect(Math.abs(variance / bound ** 2 - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / numbers.length));
    }
  }
  adapter.destroy();
});
