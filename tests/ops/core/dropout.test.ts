import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyDropout } from '../../../src/ops/core/dropout.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, randomInt, seededRandom } from '../../harness/numerics.ts';
import { dropoutFactors, maskBits, pcg4d, type ReferenceMask } from '../../reference/dropout.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

/** x under a mask, as the kernel makes it, over what is there or on top of it. */
async function dropped(
  x: Float32Array,
  [t, k]: readonly [number, number],
  { rate, key, site }: ReferenceMask,
  before?: Float32Array,
): Promise<Float32Array> {
  const { outputs } = await runOp(runtime, [], (c) => {
    const out = c.fromArray(before ?? new Float32Array(t * k).fill(NaN), [t, k]);
    const mask = { rate, key: c.fromArray(Uint32Array.from(key), [2]), site };
    applyDropout(c, c.fromArray(x, [t, k]), mask, { tensor: out, accumulate: before !== undefined });
    return [out];
  });
  return outputs[0]!;
}

const KEY = [0x9e3779b9, 0x12345678] as const;

test('the reference has the hash of an implementation in 32 bits (numpy), where it has whole numbers without bound', () => {
  expect(pcg4d([0, 0, 0, 0])).toEqual([251852841, 760645481, 850445371, 3542436074]);
  expect(pcg4d([1, 2, 3, 4])).toEqual([908250390, 4044648920, 3775961919, 45698095]);
  expect(pcg4d([0xffffffff, 0, 7, 0x9e3779b9])).toEqual([175124854, 682036407, 2541455874, 2339536042]);
});

test.each([
  [1, 1],
  [3, 4],
  [5, 7],
  [17, 33],
  [64, 100],
  [301, 5],
] as const)(
  '%i × %i: zeros and factors where the reference has them, over what is there and on top of it',
  async (t, k) => {
    const random = seededRandom(31);
    for (const rate of [0.1, 0.5, 0.9]) {
      const mask = { rate, key: KEY, site: randomInt(random, 0, 2 ** 31) };
      const [x, before] = [randomArray(random, t * k), randomArray(random, t * k)];
      const factors = dropoutFactors(mask, t, k);
      const made = await dropped(x, [t, k], mask);
      expect(Array.from(made, (value) => value === 0)).toEqual(Array.from(factors, (factor) => factor === 0));
      const expected = x.map((value, at) => value * factors[at]!);
      expectClose('x ⊙ mask', made, expected, { abs: 2 ** -126, rel: 2 * EPS_F32 });
      const added = await dropped(x, [t, k], mask, before);
      const total = before.map((value, at) => value + x[at]! * factors[at]!);
      expectClose('added', added, total, { abs: 4 * EPS_F32, rel: 4 * EPS_F32 });
    }
  },
);

test('what lies behind a stretch stays as it is', async () => {
  const [t, k] = [3, 5];
  const mask = { rate: 0.5, key: KEY, site: 3 };
  const { outputs } = await runOp(runtime, [], (c) => {
    const whole = c.fromArray(new Float32Array(20).fill(7), [20]);
    const x = c.fromArray(new Float32Array(t * k).fill(1), [t, k]);
    const key = c.fromArray(Uint32Array.from(mask.key), [2]);
    const slice = { ...whole.slice, size: 4 * t * k };
    const stretch = Object.assign(Object.create(whole) as typeof whole, { slice, shape: [t, k] });
    applyDropout(c, x, { ...mask, key }, { tensor: stretch, accumulate: false });
    return [whole];
  });
  expect([...outputs[0]!.subarray(15)]).toEqual([7, 7, 7, 7, 7]);
});

test('a rate that keeps nothing is refused', () => {
  runtime.scope(() => {
    const x = runtime.zeros([2, 2]);
    const key = runtime.fromArray(new Uint32Array(2), [2]);
    for (const rate of [1, -0.1, NaN])
      expect(() => applyDropout(runtime, x, { rate, key, site: 0 }, { tensor: x, accumulate: false })).toThrow(
        'from 0 to below 1',
      );
  });
  runtime.recorder.discard();
});

describe('the masks are as good as drawn', () => {
  const [t, k] = [256, 256];
  const n = t * k;
  /** Whether each number is dropped, less the rate, over its standard deviation: of mean 0 and variance 1 if it is drawn. */
  const standardised = (mask: ReferenceMask): Float64Array => {
    const threshold = mask.rate * 2 ** 32;
    return Float64Array.from(
      maskBits(mask, t, k),
      (word) => ((word < threshold ? 1 : 0) - mask.rate) / Math.sqrt(mask.rate * (1 - mask.rate)),
    );
  };
  /** Σ a · b over the pairs, over its standard deviation: standard normal of independent masks. */
  const correlation = (a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum / Math.sqrt(a.length);
  };
  const shifted = (mask: Float64Array, rows: number, columns: number): [Float64Array, Float64Array] => {
    const cut = (firstRow: number, firstColumn: number): Float64Array =>
      Float64Array.from({ length: (t - rows) * (k - columns) }, (_, i) => {
        const [row, column] = [Math.floor(i / (k - columns)), i % (k - columns)];
        return mask[(firstRow + row) * k + firstColumn + column]!;
      });
    return [cut(0, 0), cut(rows, columns)];
  };

  test.each([0.1, 0.5])('at rate %d: how many are dropped, and neighbours, sites and keys with each other', (rate) => {
    // Some 70 standard normals: beyond 4 lies one in 200 of such sets, and their mean square is 1 ± 0.2.
    const values: number[] = [];
    const keys = [KEY, [KEY[0], KEY[1] + 1], [KEY[0] + 1, KEY[1]]] as const;
    // A projection, its neighbour, the same of the next layer, and that of another pass.
    const sites = [0, 1, 8, 2 ** 16];
    const masks = keys.flatMap((key) => sites.map((site) => standardised({ rate, key, site })));
    for (const mask of masks) {
      values.push(mask.reduce((sum, value) => sum + value, 0) / Math.sqrt(n));
      for (const [rows, columns] of [
        [0, 1],
        [0, 4],
        [1, 0],
        [1, 1],
      ] as const)
        values.push(correlation(...shifted(mask, rows, columns)));
    }
    masks.forEach((mask, i) => {
      for (const other of masks.slice(0, i)) values.push(correlation(mask, other));
    });
    expect(Math.max(...values.map(Math.abs))).toBeLessThan(4);
    expect(values.reduce((sum, value) => sum + value ** 2, 0) / values.length).toBeGreaterThan(0.7);
    expect(values.reduce((sum, value) => sum + value ** 2, 0) / values.length).toBeLessThan(1.3);
  });

  test('bits of all sizes come alike: 256 bins of the upper and of the lower byte', () => {
    const bits = maskBits({ key: KEY, site: 5 }, t, k);
    for (const shift of [24, 0]) {
      const bins = new Float64Array(256);
      for (const word of bits) bins[(word >>> shift) & 255]!++;
      const chiSquare = bins.reduce((sum, count) => sum + (count - n / 256) ** 2 / (n / 256), 0);
      // 255 degrees of freedom: 255 ± 23.
      expect(chiSquare).toBeGreaterThan(255 - 4 * 23);
      expect(chiSquare).toBeLessThan(255 + 4 * 23);
    }
  });

  test('the same hash in a kernel: all 65,536 numbers of a mask on the device', async () => {
    const mask = { rate: 0.1, key: KEY, site: 2 ** 16 + 8 + 1 };
    const made = await dropped(new Float32Array(n).fill(1), [t, k], mask);
    const factors = dropoutFactors(mask, t, k);
    expect(made.every((value, at) => (value === 0) === (factors[at] === 0))).toBe(true);
  });
});
