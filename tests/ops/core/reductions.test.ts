import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { causalAttention } from '../../../src/ops/causalAttention.ts';
import { makePairs } from '../../../src/ops/core/pairs.ts';
import { reducing } from '../../../src/ops/core/reductions.ts';
import { makeRows } from '../../../src/ops/core/rows.ts';
import { Runtime } from '../../../src/ops/core/runtime.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { headNorm } from '../../../src/ops/headNorm.ts';
import { inBatchAttention } from '../../../src/ops/inBatchAttention.ts';
import { l2Normalize } from '../../../src/ops/l2Normalize.ts';
import { linearCrossEntropy } from '../../../src/ops/linearCrossEntropy.ts';
import { rmsNorm } from '../../../src/ops/rmsNorm.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime, runOp, type OpInput } from '../../harness/runtime.ts';

let software: Runtime;
/** The same device, told to be a GPU: workgroups of 64 threads and more, tiled attention. */
let runtime: Runtime;
/** Subgroups of which less is taken for granted than the device has: then workgroup memory does the rest. */
let smaller: Runtime[];
beforeAll(async () => {
  software = await openTestRuntime();
  const posing = (subgroupSize: number | undefined): Runtime =>
    new Runtime({ ...software.gpu, subgroupSize, info: { ...software.gpu.info, software: false } }, software);
  runtime = posing(software.gpu.subgroupSize);
  smaller = [2].map(posing);
});
afterAll(() => {
  for (const one of [runtime, ...smaller]) one.pool.destroy();
  software.destroy();
});

interface Case {
  readonly what: string;
  readonly inputs: readonly OpInput[];
  readonly op: (c: Runtime, tensors: Tensor[]) => readonly Tensor[];
  readonly outputs: readonly number[];
}

const random = seededRandom(91);
const floats = (...shape: number[]): OpInput => ({
  data: randomArray(
    random,
    shape.reduce((a, b) => a * b),
    2,
  ),
  shape,
});

const LENGTHS = [5, 40, 1, 19];
const TOKENS = LENGTHS.reduce((a, b) => a + b);

function attention(headDim: number, heads: number, kvHeads: number): Case[] {
  const [q, k, v] = [heads, kvHeads, kvHeads].map((count) => floats(TOKENS, count * headDim)) as [
    OpInput,
    OpInput,
    OpInput,
  ];
  const what = `heads ${heads}:${kvHeads} of ${headDim}`;
  const matrix = Float32Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 0 : 1 / 3));
  return [
    {
      what: `causal attention, ${what}`,
      inputs: [q, k, v],
      outputs: [TOKENS * heads * headDim],
      op: (c, [a, b, d]) => [causalAttention(c, a!, b!, d!, makeRows(c, LENGTHS), { heads, kvHeads, headDim })],
    },
    {
      what: `in-batch attention, ${what}`,
      inputs: [q, k, v, floats(TOKENS, heads * headDim), { data: matrix, shape: [4, 4] }],
      outputs: [TOKENS * heads * headDim],
      op(c, [a, b, d, self, weights]) {
        const rows = makeRows(c, LENGTHS);
        const pairs = makePairs(c, rows, matrix);
        const given = { q: a!, k: b!, v: d!, self: self!, attention: weights!, pairs, rows };
        return [inBatchAttention(c, { ...given, heads, kvHeads, headDim, vNorm: true, gate: 1 })];
      },
    },
  ];
}

const CASES: readonly Case[] = [
  ...[1, 3, 17, 64, 130].map((columns): Case => ({
    what: `RMS norm of rows of ${columns}`,
    inputs: [floats(7, columns), floats(columns)],
    outputs: [7 * columns],
    op: (c, [x, weight]) => [rmsNorm(c, x!, weight!, 1e-6)],
  })),
  {
    what: 'norms of heads',
    inputs: [floats(5, 4 * 24), floats(48)],
    outputs: [5 * 96],
    op: (c, [x, weight]) => [headNorm(c, x!, { heads: 2, kvHeads: 1, headDim: 24 }, weight!, 1e-6)],
  },
  {
    what: 'rows of length one',
    inputs: [floats(9, 37)],
    outputs: [9 * 37],
    op: (c, [x]) => [l2Normalize(c, x!)],
  },
  ...[3, 1100].map((vocabulary): Case => ({
    what: `cross-entropy over ${vocabulary} words`,
    inputs: [floats(6, 12), floats(vocabulary, 12)],
    outputs: [1],
    op(c, [hidden, weight]) {
      const places = c.fromArray(Uint32Array.of(0, 2, 5), [3]);
      const targets = c.fromArray(Uint32Array.of(2, 0, 1), [3]);
      return [linearCrossEntropy(c, hidden!, [{ weight: weight! }], places, targets).loss];
    },
  })),
  ...attention(6, 4, 2),
  ...attention(130, 1, 1),
];

interface Numbers {
  readonly results: readonly Float32Array[];
  readonly gradients: readonly Float32Array[];
}

async function through(
  c: Runtime,
  reductions: 'memory' | 'subgroups',
  { inputs, op, outputs }: Case,
): Promise<Numbers> {
  const seeds = outputs.map((length) => randomArray(seededRandom(92), length));
  // How many dispatches there are follows from how long they took before.
  const { outputs: results, gradients } = await c.computing({ products: 'f32', reductions }, () =>
    runOp(c, inputs, op, seeds),
  );
  for (const values of [...results, ...gradients]) expect(values.every((value) => Number.isFinite(value))).toBe(true);
  return { results, gradients };
}

// By way of workgroup memory each op is compared with f64 in a test of its own.
describe.each(CASES)('$what', (given) => {
  test('sums within subgroups are those through workgroup memory, to the bit, forward and backward', async () => {
    expect(runtime.gpu.subgroupSize).toBeGreaterThan(1);
    const expected = await through(runtime, 'memory', given);
    expect(await through(runtime, 'subgroups', given)).toEqual(expected);
    for (const one of smaller) expect(await through(one, 'subgroups', given)).toEqual(expected);
  });
});

test('a software GPU’s own kernels give the same bits too', async () => {
  for (const given of CASES.filter(({ what }) => /RMS|cross/.test(what)))
    expect(await through(software, 'subgroups', given)).toEqual(await through(software, 'memory', given));
});

test('the form is taken where it is asked for and the device has subgroups', () => {
  const asked = { products: 'f32', reductions: 'subgroups' } as const;
  const constants = { LANES: 8 };
  expect(reducing(runtime, 'rmsNorm/forward', constants)).toEqual({ kernel: 'rmsNorm/forward', constants });
  runtime.computing(asked, () => {
    expect(reducing(runtime, 'rmsNorm/forward', constants)).toEqual({
      kernel: 'rmsNorm/forward+subgroups',
      constants: { LANES: 8, SUBGROUP: runtime.gpu.subgroupSize },
    });
    expect(reducing(runtime, 'causalAttention/forward.direct', {}).kernel).toBe('causalAttention/forward.direct');
  });
  const without = new Runtime({ ...runtime.gpu, subgroupSize: undefined }, software);
  without.computing(asked, () =>
    expect(reducing(without, 'rmsNorm/forward', constants).kernel).toBe('rmsNorm/forward'),
  );
  without.pool.destroy();
});
