import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { rmsNorm } from '../../src/ops/rmsNorm.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import {
  EPS_F32,
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { rmsNorm as reference } from '../reference/rmsNorm.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** dx and dg in f64, written out: too many elements for differences. */
function gradients(x: Float32Array, weight: Float32Array, dy: Float32Array, epsilon: number): Float64Array[] {
  const columns = weight.length;
  const dx = new Float64Array(x.length);
  const dg = new Float64Array(columns);
  for (let at = 0; at < x.length; at += columns) {
    let squares = 0;
    let projection = 0;
    for (let c = 0; c < columns; c++) {
      squares += x[at + c]! ** 2;
      projection += weight[c]! * dy[at + c]! * x[at + c]!;
    }
    const r = (squares / columns + epsilon) ** -0.5;
    for (let c = 0; c < columns; c++) {
      dx[at + c] = r * weight[c]! * dy[at + c]! - (x[at + c]! * r ** 3 * projection) / columns;
      dg[c]! += dy[at + c]! * x[at + c]! * r;
    }
  }
  return [dx, dg];
}

test('rmsNorm agrees with f64 loops, forward, and backward by differences', async () => {
  const random = seededRandom(21);
  const epsilon = 1e-6;
  const widths = [1, 2, 3, 4, 5, 8, 12, 16, 28, 37, 54, 64, 65, 68, 132, 260, 515];
  for (const columns of widths) {
    const rows = columns > 100 ? randomInt(random, 1, 3) : randomInt(random, 1, 23);
    // Very short rows may be all but zero, where r has no bound: keep their numbers away from it.
    const least = columns < 4 ? 0.5 : 0;
    const x = randomArray(random, rows * columns, 2).map((value) => value + Math.sign(value) * least);
    const weight = randomArray(random, columns);
    const seed = randomArray(random, rows * columns);
    const run = await runOp(
      runtime,
      [
        { data: x, shape: [rows, columns] },
        { data: weight, shape: [columns] },
      ],
      (c, [a, g]) => [rmsNorm(c, a!, g!, epsilon)],
      [seed],
    );
    const what = `${rows}×${columns}`;
    expectClose(`y ${what}`, run.outputs[0]!, reference(x, weight, epsilon), { abs: 1e-6, rel: 8 * EPS_F32 });
    const numeric = numericGradients(([a, g]) => weightedSum(reference(a!, g!, epsilon), seed), [x, weight]);
    // The written-out gradient is what the large case below relies on.
    gradients(x, weight, seed, epsilon).forEach((exact, i) =>
      expectClose(`formula ${i}`, exact, numeric[i]!, { abs: 1e-7 }),
    );
    // dx subtracts two terms of size r ≈ 1 (up to 10 for a short row of small numbers).
    expectClose(`dx ${what}`, run.gradients[0]!, numeric[0]!, { abs: 1e-5, rel: 1e-5 });
    expectClose(`dg ${what}`, run.gradients[1]!, numeric[1]!, { abs: 4e-7 * rows + 1e-6 });
  }
});

test('many rows: the weight gradient takes both stages, or a whole block of stretches', async () => {
  const random = seededRandom(22);
  for (const [rows, columns] of [
    [8300, 4],
    [701, 37],
    [512, 70],
    [33, 5],
  ] as const) {
    const [x, weight] = [randomArray(random, rows * columns, 3), randomArray(random, columns)];
    const seed = randomArray(random, rows * columns);
    const run = await runOp(
      runtime,
      [
        { data: x, shape: [rows, columns] },
        { data: weight, shape: [columns] },
      ],
      (c, [a, g]) => [rmsNorm(c, a!, g!, 1e-5)],
      [seed],
    );
    const [dx, dg] = gradients(x, weight, seed, 1e-5);
    expectClose('y', run.outputs[0]!, reference(x, weight, 1e-5), { abs: 1e-6, rel: 8 * EPS_F32 });
    // A row of four tiny numbers has a large r: scale with it.
    expectClose('dx', run.gradients[0]!, dx!, { abs: 2e-5, rel: 1e-5 });
    // Blocks of 32 rows, then their sums: errors grow like √rows at most, addends are below 2.
    expectClose('dg', run.gradients[1]!, dg!, { abs: 1e-6 * Math.sqrt(rows) });
  }
});

test('one dispatch makes both gradients, or the one that is wanted alone', async () => {
  const random = seededRandom(24);
  const [rows, columns] = [37, 70];
  const x = randomArray(random, rows * columns);
  const weight = randomArray(random, columns);
  const seed = randomArray(random, rows * columns);
  const run = async (learns: readonly [boolean, boolean]) => {
    const before = runtime.recorder.counts.dispatches;
    const { gradients: found } = await runOp(
      runtime,
      [
        { data: x, shape: [rows, columns], requiresGrad: learns[0] },
        { data: weight, shape: [columns], requiresGrad: learns[1] },
      ],
      (c, [a, g]) => [rmsNorm(c, a!, g!, 1e-6)],
      [seed],
    );
    return { found, dispatches: runtime.recorder.counts.dispatches - before };
  };
  const both = await run([true, true]);
  const alone = [await run([true, false]), await run([false, true])];
  expect(both.dispatches).toBe(2);
  alone.forEach(({ found: [only], dispatches }, i) => {
    expect(dispatches).toBe(2);
    expect(only).toEqual(both.found[i]);
  });
});

test('gradients add up when the tensors are used twice, and a slot in an arena keeps its neighbours', async () => {
  const random = seededRandom(23);
  const [rows, columns] = [5, 21];
  const x = randomArray(random, rows * columns);
  const weight = randomArray(random, columns);
  const seeds = [randomArray(random, rows * columns), randomArray(random, rows * columns)];
  const arenaBefore = randomArray(random, 192);
  let pending: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    const a = runtime.fromArray(x, [rows, columns]);
    const g = runtime.fromArray(weight, [columns]);
    a.requiresGrad = g.requiresGrad = true;
    const arena = runtime.fromArray(arenaBefore, [192]);
    g.gradient = Tensor.over({ buffer: arena.slice.buffer, offset: 256, size: 4 * columns }, [columns]);
    const tape = new Tape(runtime);
    runtime.tape = tape;
    const outputs = [rmsNorm(runtime, a, g, 1e-6), rmsNorm(runtime, a, g, 1e-6)];
    runtime.tape = undefined;
    tape.backward(outputs.map((tensor, i) => ({ tensor, gradient: runtime.fromArray(seeds[i]!, tensor.shape) })));
    pending = [runtime.read(tape.gradientOf(a)!), runtime.read(arena)];
    tape.dispose();
  });
  await runtime.recorder.flush();
  const [dx, arena] = await Promise.all(pending);
  const both = seeds[0]!.map((value, i) => value + seeds[1]![i]!);
  const [expectedX, expectedG] = gradients(x, weight, both, 1e-6);
  expectClose('dx', dx!, expectedX!, { abs: 1e-5 });
  expectClose(
    'slot',
    arena!,
    arenaBefore.map((value, i) => value + (i >= 64 && i < 64 + columns ? expectedG![i - 64]! : 0)),
    {
      abs: 5e-6,
    },
  );
  expect([...arena!.slice(0, 64), ...arena!.slice(64 + columns)]).toEqual([
    ...arenaBefore.slice(0, 64),
    ...arenaBefore.slice(64 + columns),
  ]);
});

test('a row of zeros stays zero and its gradient finite', async () => {
  const { outputs, gradients: found } = await runOp(
    runtime,
    [
      { data: new Float32Array(8), shape: [1, 8] },
      { data: new Float32Array(8).fill(2), shape: [8] },
    ],
    (c, [a, g]) => [rmsNorm(c, a!, g!, 1e-6)],
    [new Float32Array(8).fill(1)],
  );
  expect([...outputs[0]!]).toEqual(Array(8).fill(0));
  expectClose('dx', found[0]!, Array<number>(8).fill(2000), { abs: 0, rel: 8 * EPS_F32 });
  expect([...found[1]!]).toEqual(Array(8).fill(0));
});

test('shapes that do not fit are refused in words', () => {
  runtime.scope(() => {
    expect(() => rmsNorm(runtime, runtime.tensor([2, 8]), runtime.tensor([4]), 1e-6)).toThrow('should have shape [8]');
  });
});
