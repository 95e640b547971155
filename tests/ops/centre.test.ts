import { afterAll, beforeAll, expect, test } from 'vitest';
import { centre } from '../../src/ops/centre.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { randomArray, randomInt, seededRandom } from '../harness/numerics.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('each stretch of rows loses its centre, in f32 exactly, and gradients pass as they are', async () => {
  const random = seededRandom(61);
  for (const columns of [1, 3, 4, 5, 37, 64, 131])
    for (let round = 0; round < 3; round++) {
      const sides = randomInt(random, 1, 3);
      const first = randomInt(random, 0, sides - 1);
      const each = randomInt(random, 1, 7);
      const rows = randomInt(random, 1, each * (sides - first));
      const [x, centres] = [randomArray(random, rows * columns), randomArray(random, sides * columns)];
      const seeds = [0, 1].map(() => randomArray(random, rows * columns));
      const { outputs, gradients } = await runOp(
        runtime,
        [{ data: x, shape: [rows, columns] }],
        (c, [input]) => {
          const tensor = c.fromArray(centres, [sides, columns]);
          // Two uses of the same rows, so that the second adds to the first's gradient.
          return [centre(c, input!, tensor, { first, each }), centre(c, input!, tensor, { first, each })];
        },
        seeds,
      );
      const at = (i: number) => (first + Math.floor(Math.floor(i / columns) / each)) * columns + (i % columns);
      for (const output of outputs) expect(output).toEqual(x.map((value, i) => value - centres[at(i)]!));
      expect(gradients[0]).toEqual(seeds[0]!.map((value, i) => value + seeds[1]![i]!));
    }
});

test('rows without a centre, and centres of another width, are refused', () => {
  runtime.scope(() => {
    const x = runtime.tensor([5, 4]);
    const centres = runtime.tensor([2, 4]);
    expect(() => centre(runtime, x, centres, { first: 0, each: 2 })).toThrow('more than the 2 centres');
    expect(() => centre(runtime, x, centres, { first: 1, each: 4 })).toThrow('more than the 2 centres');
    expect(() => centre(runtime, x, runtime.tensor([2, 5]), { first: 0, each: 5 })).toThrow('should have shape');
  });
  runtime.recorder.discard();
});
