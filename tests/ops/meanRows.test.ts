import { afterAll, beforeAll, test } from 'vitest';
import type { Context } from '../../src/ops/context.ts';
import { meanRows } from '../../src/ops/meanRows.ts';
import { openTestContext, runOp } from '../harness/context.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../harness/numerics.ts';

let context: Context;
beforeAll(async () => {
  context = await openTestContext();
});
afterAll(() => context.destroy());

test('meanRows averages columns of any width and height, and spreads its gradient evenly', async () => {
  const random = seededRandom(91);
  for (const [rows, columns] of [
    [1, 1],
    [2, 3],
    [3, 1],
    [255, 1],
    [256, 2],
    [257, 5],
    [1031, 1],
    [600, 17],
    [5, 64],
    [300, 131],
  ] as const) {
    const x = randomArray(random, rows * columns);
    const seeds = [0, 1].map(() => randomArray(random, columns));
    const { outputs, gradients } = await runOp(
      context,
      [{ data: x, shape: [rows, columns] }],
      (c, [a]) => [meanRows(c, a!), meanRows(c, a!)],
      seeds,
    );
    const mean = new Float64Array(columns);
    x.forEach((value, i) => (mean[i % columns]! += value / rows));
    const what = `${rows}×${columns}`;
    // A thread adds up to 256 numbers in a row, here random ones below 1, and divides.
    for (const output of outputs) expectClose(what, output, mean, { abs: 8 * EPS_F32 });
    const spread = Float64Array.from(x, (_, i) => (seeds[0]![i % columns]! + seeds[1]![i % columns]!) / rows);
    expectClose(`gradient ${what}`, gradients[0]!, spread, { abs: (4 * EPS_F32) / rows });
  }
});
