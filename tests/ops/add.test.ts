import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { add } from '../../src/ops/add.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { randomArray, randomInt, seededRandom } from '../harness/numerics.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('add sums element by element and hands its gradient to both sides', async () => {
  const random = seededRandom(1);
  for (let round = 0; round < 8; round++) {
    const shape = [randomInt(random, 1, 9), randomInt(random, 1, 700)];
    const count = (shape[0] ?? 0) * (shape[1] ?? 0);
    const [a, b, seed] = [randomArray(random, count), randomArray(random, count), randomArray(random, count)];
    const { outputs, gradients } = await runOp(
      runtime,
      [
        { data: a, shape },
        { data: b, shape },
      ],
      (c, [x, y]) => [add(c, x!, y!)],
      [seed],
    );
    expect(outputs[0]).toEqual(a.map((value, i) => value + (b[i] ?? 0)));
    expect(gradients).toEqual([seed, seed]);
  }
});

test('a tensor used twice receives the sum of both gradients', async () => {
  const random = seededRandom(2);
  const [a, seed] = [randomArray(random, 37), randomArray(random, 37)];
  const { gradients } = await runOp(runtime, [{ data: a, shape: [37] }], (c, [x]) => [add(c, x!, x!)], [seed]);
  expect(gradients[0]).toEqual(seed.map((value) => 2 * value));
});
