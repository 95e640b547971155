import { afterAll, beforeAll, expect, test } from 'vitest';
import { cellsOf, pullBack, ROLE } from '../../../src/ops/core/cells.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** So many of a stand-in loss over the same similarities, each with a pull of its own: its value is nothing to the gradient. */
function losses(context: Runtime, similarity: Tensor, pulls: readonly Float32Array[], scale: number): Tensor[] {
  return pulls.map((values) => {
    const pull = context.fromArray(values, similarity.shape);
    const loss = context.fromArray(Float32Array.of(0), [1]);
    loss.requiresGrad = true;
    context.tape?.record({
      name: 'loss over cells',
      inputs: [similarity],
      outputs: [loss],
      saved: [pull],
      backward: ([gradient], tape) => {
        if (gradient) pullBack(context, tape, { similarity, pull, gradient, scale });
      },
    });
    return loss;
  });
}

test.each([
  [1, 2, 1],
  [3, 5, 1],
  [8, 8, 2],
  [31, 40, 3],
  [65, 70, 2],
])('%i × %i: the gradient of %i losses is the sum of g · pull · scale', async (rows, columns, count) => {
  const random = seededRandom(rows * columns);
  const similarity = randomArray(random, rows * columns);
  const pulls = Array.from({ length: count }, () => randomArray(random, rows * columns));
  const seeds = Array.from({ length: count }, () => randomArray(random, 1));
  const scale = 0.37;
  const { gradients } = await runOp(
    runtime,
    [{ data: similarity, shape: [rows, columns] }],
    (context, [s]) => losses(context, s!, pulls, scale),
    seeds,
  );
  const expected = Array.from(similarity, (_, at) =>
    pulls.reduce((sum, pull, i) => sum + Math.fround(seeds[i]![0]!) * pull[at]! * Math.fround(scale), 0),
  );
  expectClose('gradient', gradients[0]!, expected, { abs: 4 * EPS_F32, rel: 8 * EPS_F32 });
});

test('cells are sorted by their roles; roles that do not fit are refused', () => {
  const similarity = runtime.fromArray(new Float32Array(6), [2, 3]);
  const { leftOut, negative, positive } = ROLE;
  const roles = Uint32Array.of(positive, negative, leftOut, negative, positive, negative);
  expect(cellsOf(similarity, roles, 0.1)).toEqual({ roles, positives: Uint32Array.of(0, 4), negativeCount: 3 });
  expect(() => cellsOf(similarity, roles.slice(1), 0.1)).toThrow('5 roles do not fit similarities of shape [2, 3].');
  expect(() => cellsOf(similarity, new Uint32Array(6), 0.1)).toThrow('without a positive');
  expect(() => cellsOf(similarity, roles, 0)).toThrow('The temperature is 0');
});
