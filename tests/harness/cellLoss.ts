import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROLE } from '../../src/ops/core/cells.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { EPS_F32, expectClose, numericGradients, randomArray, seededRandom } from './numerics.ts';
import { randomRoles } from './randomRoles.ts';
import { openTestRuntime, runOp, type OpRun } from './runtime.ts';

const SHAPES = [
  [1, 2],
  [2, 2],
  [3, 5],
  [8, 8],
  [7, 21],
  [31, 40],
  [65, 70],
] as const;
const CASES = SHAPES.flatMap(([rows, columns]) =>
  [1, 0.05, 0.01].map((tau) => ({ rows, columns, tau, partnersToo: rows % 2 === 1 })),
);

/** A loss over the cells of S [B, C] as it is computed, and by plain loops in f64. */
export interface CellLoss {
  readonly op: (runtime: Runtime, similarity: Tensor, roles: Uint32Array<ArrayBuffer>, temperature: number) => Tensor;
  readonly reference: (
    similarity: ArrayLike<number>,
    roles: Uint32Array,
    columns: number,
    temperature: number,
  ) => number;
}

/** Tests that every such loss has to pass. Returns what runs it, for tests of its own. */
export function testCellLoss({ op, reference }: CellLoss) {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTestRuntime();
  });
  afterAll(() => runtime.destroy());

  const run = (
    similarity: Float32Array,
    roles: Uint32Array<ArrayBuffer>,
    shape: [number, number],
    tau: number,
    seed = 1,
  ): Promise<OpRun> =>
    runOp(runtime, [{ data: similarity, shape }], (c, [s]) => [op(c, s!, roles, tau)], [Float32Array.of(seed)]);

  test.each(CASES)(
    '$rows × $columns, τ $tau: the loss is that of the f64 reference',
    async ({ rows, columns, tau, partnersToo }) => {
      const random = seededRandom(rows + columns);
      const similarity = randomArray(random, rows * columns);
      const roles = randomRoles(random, rows, columns, { partnersToo });
      const { outputs } = await run(similarity, roles, [rows, columns], tau);
      const loss = reference(similarity, roles, columns, Math.fround(tau));
      // Exponents reach 2/τ, each rounded once; sums are over a row or all cells.
      expectClose('loss', outputs[0]!, [loss], { abs: 1e-6, rel: 32 * EPS_F32 });
    },
  );

  test.each([
    [1, 2, 0.5],
    [3, 5, 0.2],
    [6, 6, 0.1],
    [4, 11, 0.05],
  ] as const)('%i × %i, τ %f: the gradient of any seed is that of finite differences', async (rows, columns, tau) => {
    const random = seededRandom(rows * columns);
    const similarity = randomArray(random, rows * columns);
    const roles = randomRoles(random, rows, columns, { partnersToo: true });
    const seed = -1.75;
    const { gradients } = await run(similarity, roles, [rows, columns], tau, seed);
    const [slope] = numericGradients(([s]) => seed * reference(s!, roles, columns, Math.fround(tau)), [similarity]);
    expectClose('∂S', gradients[0]!, slope!, { abs: 1e-6, rel: 1e-5 });
    expect(Math.max(...slope!.map(Math.abs))).toBeGreaterThan(1e-2);
    expect(gradients[0]!.filter((_, at) => roles[at] === ROLE.leftOut).every((value) => value === 0)).toBe(true);
  });

  test('the gradient adds to one that is there', async () => {
    const similarity = randomArray(seededRandom(2), 16);
    const roles = randomRoles(seededRandom(3), 4, 4, { partnersToo: true });
    const once = await run(similarity, roles, [4, 4], 0.1);
    const twice = await runOp(
      runtime,
      [{ data: similarity, shape: [4, 4] }],
      (c, [s]) => [op(c, s!, roles, 0.1), op(c, s!, roles, 0.1)],
      [Float32Array.of(1), Float32Array.of(1)],
    );
    expect(twice.gradients[0]).toEqual(once.gradients[0]!.map((value) => 2 * value));
  });

  test('roles that do not fit, none that is positive, and a temperature that is none are refused', async () => {
    const roles = Uint32Array.of(2, 1, 1, 2);
    await expect(async () => run(new Float32Array(4), roles, [2, 2], 0)).rejects.toThrow(/at least 0.0001/);
    runtime.recorder.discard();
    const similarity = runtime.tensor([2, 2]);
    expect(() => op(runtime, similarity, roles.slice(1), 0.1)).toThrow(/3 roles/);
    expect(() => op(runtime, similarity, Uint32Array.of(1, 1, 0, 1), 0.1)).toThrow(/without a positive/);
    similarity.release();
  });

  return run;
}
