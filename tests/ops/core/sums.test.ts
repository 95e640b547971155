import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { addInto, columnSums } from '../../../src/ops/core/sums.ts';
import { Tensor } from '../../../src/ops/core/tensor.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../../harness/numerics.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('addInto adds to a stretch of a buffer and leaves its neighbours alone', async () => {
  const random = seededRandom(1);
  for (const count of [1, 3, 4, 1023, 1030]) {
    const [values, addend] = [randomArray(random, 64 + count + 64), randomArray(random, count)];
    const { outputs } = await runOp(runtime, [], (c) => {
      const whole = c.fromArray(values, [values.length]);
      const stretch = { buffer: whole.slice.buffer, offset: whole.slice.offset + 256, size: 4 * count };
      addInto(c, Tensor.over(stretch, [count]), c.fromArray(addend, [count]));
      return [whole];
    });
    expect(outputs[0]).toEqual(
      values.map((value, i) => (i < 64 || i >= 64 + count ? value : value + (addend[i - 64] ?? NaN))),
    );
  }
});

test('columnSums adds up the rows of each column, over or onto what is there', async () => {
  const random = seededRandom(2);
  for (const [rows, columns] of [
    [1, 1],
    [7, 33],
    [100, 64],
  ] as const)
    for (const accumulate of [false, true]) {
      const [values, before] = [randomArray(random, rows * columns), randomArray(random, columns)];
      const { outputs } = await runOp(runtime, [], (c) => {
        const tensor = c.fromArray(before, [columns]);
        columnSums(c, c.fromArray(values, [rows, columns]), { tensor, accumulate });
        return [tensor];
      });
      const expected = Float64Array.from(before, (value, column) => {
        let sum = accumulate ? value : 0;
        for (let row = 0; row < rows; row++) sum += values[row * columns + column] ?? NaN;
        return sum;
      });
      expectClose('sums', outputs[0]!, expected, { abs: EPS_F32 * (2 + rows) });
    }
});
