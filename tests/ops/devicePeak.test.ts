import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { CHAINS, copyNumbers, multiplyAdd, STEPS_A_ROUND } from '../../src/ops/devicePeak.ts';
import { randomArray, randomInt, seededRandom } from '../harness/numerics.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('chains of multiply-adds are as a plain loop in f64 has them, and are counted', async () => {
  const random = seededRandom(5);
  for (let round = 0; round < 6; round++) {
    const [count, rounds] = [randomInt(random, 1, 900), randomInt(random, 0, 12)];
    const seeds = randomArray(random, CHAINS);
    // Chains that shrink forget their rounding errors.
    const factors = Float32Array.of(0.5 + 0.4 * random(), random() - 0.5, 7, 7);
    const before = runtime.recorder.counts.flops;
    const found = await runtime.compute(() => {
      const out = runtime.tensor([count]);
      multiplyAdd(runtime, {
        seeds: runtime.fromArray(seeds, [CHAINS]),
        factors: runtime.fromArray(factors, [4]),
        out,
        rounds,
      });
      return out;
    });
    expect(runtime.recorder.counts.flops - before).toBe(2 * CHAINS * STEPS_A_ROUND * rounds * count);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let x of seeds) {
        for (let step = 0; step < STEPS_A_ROUND * rounds; step++)
          x = x * (factors[0] ?? NaN) + (factors[1] ?? NaN) * (i % 7);
        sum += x;
      }
      expect(Math.abs((found[i] ?? NaN) - sum)).toBeLessThan(2e-5 * (1 + Math.abs(sum)));
    }
  }
});

test('a copy is one, of any length', async () => {
  const random = seededRandom(6);
  for (let round = 0; round < 6; round++) {
    const numbers = randomArray(random, randomInt(random, 1, 3000));
    const found = await runtime.compute(() => {
      const out = runtime.zeros([numbers.length]);
      copyNumbers(runtime, runtime.fromArray(numbers, [numbers.length]), out);
      return out;
    });
    expect(found).toEqual(numbers);
  }
});

test('what does not fit is refused', () => {
  runtime.scope(() => {
    const [a, b] = [runtime.zeros([4]), runtime.zeros([5])];
    expect(() => copyNumbers(runtime, a, b)).toThrow('do not fit');
    expect(() => multiplyAdd(runtime, { seeds: a, factors: a, out: b, rounds: 1 })).toThrow('16 and 4');
  });
  runtime.recorder.discard();
});
