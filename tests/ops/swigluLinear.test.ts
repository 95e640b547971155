import { afterAll, beforeAll, expect, test } from 'vitest';
import { gemm } from '../../src/ops/core/gemm.ts';
import { DIRECT_TILE, RULE_TILES } from '../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { swiglu } from '../../src/ops/swiglu.ts';
import { swigluLinear } from '../../src/ops/swigluLinear.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import {
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { dropoutFactors } from '../reference/dropout.ts';
import { matmulReference } from '../reference/gemm.ts';
import { linearReference } from '../reference/linear.ts';
import { swiglu as swigluReference } from '../reference/swiglu.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

/** As gatedLinear leaves them: the activation is no part of the graph. */
const gatedOf = (c: Runtime, gateUp: Tensor) => ({ gateUp, activated: c.withTape(undefined, () => swiglu(c, gateUp)) });

test.each([0, 0.4])(
  'output and all gradients, trained whole and by an adapter with dropout %d, columns in fours and others',
  async (rate) => {
    const [key, site] = [[1, 2] as const, 70];
    const random = seededRandom(51);
    for (const [t, n, k, rank] of [
      [1, 1, 1, 1],
      [5, 7, 8, 2],
      [9, 6, 5, 4],
      [3, 8, 12, 3],
    ] as const) {
      const sizes = { t, n, k };
      const [gateUp, w] = [randomArray(random, t * 2 * k, 3), randomArray(random, n * k)];
      const [residual, seed] = [randomArray(random, t * n), randomArray(random, t * n)];
      const [a, b] = [randomArray(random, rank * k), randomArray(random, n * rank)];
      const { outputs, gradients } = await runOp(
        runtime,
        [
          { data: gateUp, shape: [t, 2 * k] },
          { data: w, shape: [n, k] },
          { data: a, shape: [rank, k] },
          { data: b, shape: [n, rank] },
          { data: residual, shape: [t, n] },
        ],
        (c, [x, ws, as, bs, from]) => [
          swigluLinear(c, gatedOf(c, x!), ws!, {
            residual: from,
            lora: {
              scale: 0.5,
              rank,
              a: as!,
              b: bs!,
              parts: [{ rowOffset: 0, rows: n }],
              dropout: rate > 0 ? { rate, key: c.fromArray(Uint32Array.from(key), [2]), sites: [site] } : undefined,
            },
          }),
        ],
        [seed],
      );
      const reference = ([x, ws, as, bs]: Float64Array[]) =>
        linearReference(sizes, swigluReference(x!, k), ws!, undefined, {
          scale: 0.5,
          rank,
          a: as!,
          parts: [{ rowOffset: 0, rows: n, b: bs!, factors: dropoutFactors({ rate, key, site }, t, k) }],
        });
      const point = [gateUp, w, a, b].map((values) => Float64Array.from(values));
      // Activations up to 9, of which k are added; WGSL's exp is good for some units of 2⁻²⁴ more.
      const tolerance = { abs: 2e-6 * (4 + k + rank), rel: 2e-6 };
      const y = reference(point).map((value, i) => value + residual[i]!);
      expectClose('y', outputs[0]!, y, tolerance);
      const expected = numericGradients((values) => weightedSum(reference(values), seed), point);
      expected.forEach((gradient, i) =>
        expectClose(`gradient ${i} of ${t}×${n}×${k}`, gradients[i]!, gradient, { abs: 4e-6 * (4 + t + n), rel: 4e-6 }),
      );
      expect(gradients[4]).toEqual(seed);
    }
  },
);

test.each([...RULE_TILES, DIRECT_TILE].map((tile) => ({ name: tile.name, tile })))(
  '$name tiles: a product goes back through SwiGLU, over what is there or on top of it',
  async ({ tile }) => {
    const random = seededRandom(52);
    for (const accumulate of [false, true]) {
      const [m, n, k] = [randomInt(random, 1, 70), 4 * randomInt(random, 1, 20), randomInt(random, 1, 30)];
      const [dy, w, gateUp] = [
        randomArray(random, m * k),
        randomArray(random, k * n),
        randomArray(random, m * 2 * n, 3),
      ];
      const before = randomArray(random, m * 2 * n);
      const { outputs } = await runOp(runtime, [], (c) => {
        const out = c.fromArray(before, [m, 2 * n]);
        const operands = { a: { tensor: c.fromArray(dy, [m, k]) }, b: { tensor: c.fromArray(w, [k, n]) } };
        const swiglu = { tensor: c.fromArray(gateUp, [m, 2 * n]) };
        // What would be split in any other product is not here: the sum must be whole.
        gemm(c, {
          layout: 'NN',
          m,
          n,
          k,
          ...operands,
          out: { tensor: out },
          swiglu,
          accumulate,
          cut: { tile, splits: 2 },
        });
        return [out];
      });
      const transposed = Float32Array.from(w, (_, at) => w[(at % k) * n + Math.floor(at / k)]!);
      const dout = matmulReference(dy, transposed, m, n, k);
      const [expected] = numericGradients(([x]) => weightedSum(swigluReference(x!, n), dout), [gateUp]);
      const total = expected!.map((value, at) => value + (accumulate ? before[at]! : 0));
      expectClose(`${m}×${n}×${k}`, outputs[0]!, total, { abs: 2e-6 * (4 + k), rel: 4e-6 });
    }
  },
);

test('what cannot go through SwiGLU is refused in words', () => {
  runtime.scope(() => {
    const [a, b] = [runtime.zeros([2, 4]), runtime.zeros([4, 6])];
    const spec = { layout: 'NN', m: 2, n: 6, k: 4, a: { tensor: a }, b: { tensor: b } } as const;
    const gateUp = { tensor: runtime.zeros([2, 12]) };
    expect(() => gemm(runtime, { ...spec, out: { tensor: runtime.zeros([2, 12]) }, swiglu: gateUp })).toThrow(
      'whole vectors of four',
    );
  });
  runtime.recorder.discard();
});
