import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { segmentMeans } from '../../src/ops/segmentMeans.ts';
import { EPS_F32, expectClose, randomArray, randomInt, seededRandom } from '../harness/numerics.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test.each([1, 2, 63, 64, 65, 300])(
  '%i ragged segments: each mean where it belongs, the rest untouched',
  async (count) => {
    const random = seededRandom(count);
    const lengths = Array.from({ length: count }, () => randomInt(random, 1, 40));
    const starts = lengths.reduce<number[]>((all, length) => [...all, all.at(-1)! + length], [0]);
    const values = randomArray(random, starts.at(-1)!, 5);
    // Every second place, from the last to the first.
    const places = lengths.map((_, n) => 2 * (count - 1 - n));
    const { outputs } = await runOp(
      runtime,
      [
        { data: values, shape: [values.length] },
        { data: Uint32Array.from(starts), shape: [count + 1] },
        { data: Uint32Array.from(places), shape: [count] },
      ],
      (c, [v, s, p]) => {
        const result = c.zeros([2 * count]);
        segmentMeans(c, v!, { starts: s!, places: p! }, result, -1.5);
        return [result];
      },
    );
    const expected = new Float64Array(2 * count);
    lengths.forEach((length, n) => {
      let sum = 0;
      for (let at = starts[n]!; at < starts[n + 1]!; at++) sum += values[at]!;
      expected[places[n]!] = (-1.5 * sum) / length;
    });
    expectClose('means', outputs[0]!, expected, { abs: 40 * 7.5 * EPS_F32 });
    expect(outputs[0]!.filter((_, at) => at % 2 === 1).every((value) => value === 0)).toBe(true);
  },
);

test('starts and places that do not belong together are refused', () => {
  const [values, starts, places, result] = [[4], [3], [3], [3]].map((shape) => runtime.tensor(shape));
  expect(() => segmentMeans(runtime, values!, { starts: starts!, places: places! }, result!, 1)).toThrow(/do not fit/);
  for (const tensor of [values, starts, places, result]) tensor!.release();
});
