import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { linearCrossEntropy } from '../../src/ops/linearCrossEntropy.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { EPS_F32, expectClose, numericGradients, randomArray, randomInt, seededRandom } from '../harness/numerics.ts';
import { rounded, weightTensor, type WeightType } from '../harness/weights.ts';
import { linearCrossEntropyReference } from '../reference/linearCrossEntropy.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

interface Case {
  tokens: number;
  width: number;
  /** Rows of the shards. */
  shards: readonly number[];
  /** Predicted tokens R. */
  count: number;
  hidden: Float32Array;
  head: Float32Array;
  positions: Uint32Array;
  targets: Uint32Array;
}

function makeCase(
  random: () => number,
  tokens: number,
  width: number,
  shards: readonly number[],
  count: number,
  logitScale = 1,
): Case {
  const vocabulary = shards.reduce((a, b) => a + b, 0);
  // A shuffled choice of tokens: positions are different, in no order.
  const order = Array.from({ length: tokens }, (_, t) => ({ t, key: random() })).sort((a, b) => a.key - b.key);
  return {
    tokens,
    width,
    shards,
    count,
    hidden: randomArray(random, tokens * width, logitScale),
    head: randomArray(random, vocabulary * width),
    positions: Uint32Array.from(order.slice(0, count), ({ t }) => t),
    targets: Uint32Array.from({ length: count }, () => randomInt(random, 0, vocabulary - 1)),
  };
}

interface Options {
  weight?: number;
  dtype?: WeightType;
  trainHidden?: boolean;
  trainHead?: boolean;
  budget?: number;
}

interface Result {
  loss: Float32Array;
  tokenLoss: Float32Array;
  hiddenGradient: Float32Array | undefined;
  headGradient: Float32Array[];
}

interface Pending {
  loss: Promise<Float32Array>;
  tokenLoss: Promise<Float32Array> | undefined;
  hiddenGradient: Promise<Float32Array> | undefined;
  headGradient: (Promise<Float32Array> | undefined)[];
}

async function run(data: Case, options: Options = {}): Promise<Result> {
  const { weight = 1, dtype = 'f32', trainHidden = false, trainHead = false, budget } = options;
  const before = runtime.pool.report().liveBuffers;
  const pending: Pending[] = [];
  runtime.scope(() => {
    const tape = new Tape(runtime);
    const hidden = runtime.fromArray(data.hidden, [data.tokens, data.width]);
    hidden.requiresGrad = trainHidden;
    let offset = 0;
    const shards = data.shards.map((rows) => {
      const values = data.head.subarray(offset * data.width, (offset + rows) * data.width);
      offset += rows;
      const tensor = weightTensor(runtime, values, [rows, data.width], dtype);
      tensor.requiresGrad = trainHead;
      return { weight: tensor };
    });
    const whole = (values: Uint32Array) =>
      values.length > 0 ? runtime.fromArray(values, [values.length]) : runtime.tensor([0], 'u32');
    const [positions, targets] = [whole(data.positions), whole(data.targets)];
    if (trainHidden || trainHead) runtime.tape = tape;
    const { loss, tokenLoss } = linearCrossEntropy(runtime, hidden, shards, positions, targets, {
      weight,
      ...(budget === undefined ? {} : { logitsBudgetBytes: budget }),
    });
    runtime.tape = undefined;
    tape.backward([{ tensor: loss, gradient: runtime.fromArray(Float32Array.of(weight), [1]) }]);
    const read = (tensor: Tensor | undefined) => (tensor && tensor.size > 0 ? runtime.read(tensor) : undefined);
    pending.push({
      loss: runtime.read(loss),
      tokenLoss: read(tokenLoss),
      hiddenGradient: read(tape.gradientOf(hidden)),
      headGradient: shards.map((shard) => read(tape.gradientOf(shard.weight))),
    });
    tape.dispose();
  });
  await runtime.recorder.flush();
  expect(runtime.pool.report().liveBuffers, 'buffers left behind').toBe(before);
  const [reads] = pending;
  if (!reads) throw new Error('Nothing was recorded.');
  const headGradient = await Promise.all(reads.headGradient.filter((gradient) => gradient !== undefined));
  return {
    loss: await reads.loss,
    tokenLoss: (await reads.tokenLoss) ?? new Float32Array(0),
    hiddenGradient: await reads.hiddenGradient,
    headGradient,
  };
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** Rows of 16 at a time: the smallest chunk there is. */
const SMALLEST = 1;

test('losses and both gradients match finite differences, over ragged shapes, chunks and shards', async () => {
  const random = seededRandom(31);
  const weight = 0.7;
  for (const [tokens, width, shards, count] of [
    [1, 1, [1], 1],
    [3, 2, [5], 2],
    [5, 4, [8], 5],
    [7, 3, [6, 5], 4],
    [20, 4, [8, 4, 9], 19],
    [37, 5, [12, 7], 33],
  ] as const) {
    const data = makeCase(random, tokens, width, shards, count);
    const { hidden, head, positions, targets } = data;
    const result = await run(data, { weight, trainHidden: true, trainHead: true, budget: SMALLEST });
    const expected = linearCrossEntropyReference(hidden, head, width, positions, targets);
    // Logits below `width`, losses below twice that and log V: a few roundings of numbers of that size.
    const abs = EPS_F32 * (8 + 4 * width);
    expectClose('token losses', result.tokenLoss, expected.tokenLoss, { abs });
    expectClose('loss', result.loss, [expected.loss], { abs });
    const [dHidden, dHead] = numericGradients(
      ([x, w]) => weight * linearCrossEntropyReference(x!, w!, width, positions, targets).loss,
      [hidden, head],
    );
    // Probabilities times numbers below 1, divided by R; the head's sum over at most R rows.
    expectClose('dhidden', result.hiddenGradient!, dHidden!, { abs });
    expectClose('dhead', concatenated(result.headGradient), dHead!, { abs });
  }
});

test('a token whose next token is certain keeps the digits of its small loss', async () => {
  const random = seededRandom(32);
  const data = makeCase(random, 4, 1, [300], 4);
  data.hidden.fill(1);
  data.head.fill(482);
  data.head[77] = 500;
  data.targets.fill(77);
  const { tokenLoss } = await run(data);
  // 299 exp(-18) = 4.6e-6, while the numbers next to 500 are 3e-5 apart: of 500 + 4.6e-6 nothing would be left. What remains
  // is the rounding of 1 + 4.6e-6 to f32 and what WGSL allows log near 1: 2^-21.
  expectClose('token losses', tokenLoss, new Float64Array(4).fill(Math.log1p(299 * Math.exp(-18))), { abs: 2 ** -21 });
});

test('logits around 10 over a vocabulary of several strides: losses to 1e-6, gradient sums to zero', async () => {
  const random = seededRandom(33);
  const [width, count] = [16, 21];
  const data = makeCase(random, 25, width, [1400, 1333], count, 6);
  const expected = linearCrossEntropyReference(data.hidden, data.head, width, data.positions, data.targets);
  expect(Math.max(...expected.tokenLoss)).toBeGreaterThan(15);
  const result = await run(data, { trainHidden: true, trainHead: true, budget: SMALLEST });
  expectClose('token losses', result.tokenLoss, expected.tokenLoss, { abs: 1e-6, rel: 1e-6 });
  expectClose('loss', result.loss, [expected.loss], { abs: 0, rel: 1e-6 });
  // Σ_v (softmax − onehot) = 0 for each token, so the head's gradient has columns that add up to nothing.
  const head = concatenated(result.headGradient);
  const sums = new Float64Array(width);
  head.forEach((value, i) => (sums[i % width]! += value));
  expectClose('column sums', sums, new Float64Array(width), { abs: 6 * 1e-6 });
});

test('very large logits do not overflow', async () => {
  const random = seededRandom(34);
  const data = makeCase(random, 6, 4, [50], 6, 500);
  const expected = linearCrossEntropyReference(data.hidden, data.head, 4, data.positions, data.targets);
  const { tokenLoss } = await run(data);
  expect(Math.max(...expected.tokenLoss)).toBeGreaterThan(500);
  expectClose('token losses', tokenLoss, expected.tokenLoss, { abs: EPS_F32 * 2000 * 4 });
});

test.each(['bf16', 'f16', 'i8'] as const)('a frozen %s head', async (dtype) => {
  const random = seededRandom(35);
  const weight = 1.5;
  for (const [width, shards] of [
    [8, [16, 12]],
    [5, [9, 7]],
    [70, [3, 2]],
  ] as const) {
    const data = makeCase(random, 9, width, shards, 6);
    const { hidden, positions, targets } = data;
    const head = rounded(data.head, dtype, width);
    const result = await run(data, { dtype, weight, trainHidden: true });
    const expected = linearCrossEntropyReference(hidden, head, width, positions, targets);
    const abs = EPS_F32 * (8 + 4 * width);
    expectClose('token losses', result.tokenLoss, expected.tokenLoss, { abs });
    const [dHidden] = numericGradients(
      ([x]) => weight * linearCrossEntropyReference(x!, head, width, positions, targets).loss,
      [hidden],
    );
    expectClose('dhidden', result.hiddenGradient!, dHidden!, { abs });
    expect(result.headGradient).toEqual([]);
  }
});

test('shards, chunks and gradients change nothing about the losses', async () => {
  const random = seededRandom(36);
  const one = makeCase(random, 50, 8, [101], 49);
  const four = { ...one, shards: [32, 28, 1, 40] };
  const all = { trainHidden: true, trainHead: true };
  const whole = await run(one, all);
  const cut = await run(four, { ...all, budget: SMALLEST });
  const forward = await run(four);
  expect(forward.tokenLoss).toEqual(cut.tokenLoss);
  expect(forward.loss).toEqual(cut.loss);
  expect(forward.hiddenGradient).toBeUndefined();
  const tolerance = { abs: EPS_F32 * 8 };
  expectClose('token losses', cut.tokenLoss, whole.tokenLoss, tolerance);
  expectClose('dhidden', cut.hiddenGradient!, whole.hiddenGradient!, tolerance);
  expectClose('dhead', concatenated(cut.headGradient), whole.headGradient[0]!, tolerance);
});

test('a trainable head learns over frozen hidden states', async () => {
  const random = seededRandom(37);
  const data = makeCase(random, 6, 4, [10], 5);
  const both = await run(data, { trainHidden: true, trainHead: true });
  const head = await run(data, { trainHead: true });
  expect(head.headGradient).toEqual(both.headGradient);
  expect(head.hiddenGradient).toBeUndefined();
});

test('nothing to predict: loss 0 and no gradients', async () => {
  const data = makeCase(seededRandom(38), 3, 4, [7], 0);
  const result = await run(data, { trainHidden: true, trainHead: true });
  expect(result).toEqual({
    loss: Float32Array.of(0),
    tokenLoss: new Float32Array(0),
    hiddenGradient: undefined,
    headGradient: [],
  });
});

test('what does not fit is refused', () => {
  runtime.scope(() => {
    const hidden = runtime.zeros([3, 4]);
    const index = runtime.fromArray(Uint32Array.of(0, 1), [2]);
    const weight = runtime.zeros([5, 4]);
    const packed = runtime.tensor([5, 4], 'f16');
    packed.requiresGrad = true;
    const call = (shards: { weight: Tensor }[], targets = index) =>
      linearCrossEntropy(runtime, hidden, shards, index, targets, { weight: 1 });
    expect(() => call([])).toThrow('the head has no shards');
    expect(() => call([{ weight: runtime.zeros([5, 3]) }])).toThrow(
      'hidden states of 4 numbers do not fit a head for 3',
    );
    expect(() => call([{ weight: packed }])).toThrow('a f16 head cannot be trained');
    expect(() => call([{ weight }], runtime.fromArray(Uint32Array.of(1), [1]))).toThrow(
      '2 positions (u32) and 1 targets',
    );
  });
  runtime.recorder.discard();
});
