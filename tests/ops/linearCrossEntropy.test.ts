import { DEFAULT_LIMITS, dryDevice } from '../../src/gpu/dryDevice.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { add } from '../../src/ops/add.ts';
import { Runtime } from '../../src/ops/core/runtime.ts';
import { linearCrossEntropy, lossSeed } from '../../src/ops/linearCrossEntropy.ts';
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
  /** The gradient that arrives at the loss. */
  seed?: number;
  /** Whether the op is told beforehand. */
  promised?: boolean;
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
  const { seed = 1, promised = true, dtype = 'f32', trainHidden = false, trainHead = false, budget } = options;
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
    const known = lossSeed(runtime, seed);
    const { loss, tokenLoss } = linearCrossEntropy(runtime, hidden, shards, positions, targets, {
      ...(promised ? { seed: known } : {}),
      ...(budget === undefined ? {} : { logitsBudgetBytes: budget }),
    });
    runtime.tape = undefined;
    tape.backward([{ tensor: loss, gradient: known.gradient }]);
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

test.each([
  ['in the forward pass, for a promised seed', true],
  ['in the backward pass, for whatever arrives', false],
])(
  'losses and gradients %s match finite differences, over ragged shapes, chunks and shards',
  async (_when, promised) => {
    const random = seededRandom(31);
    let seed = -1.6;
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
      seed += 0.9;
      const result = await run(data, { seed, promised, trainHidden: true, trainHead: true, budget: SMALLEST });
      const expected = linearCrossEntropyReference(hidden, head, width, positions, targets);
      // Logits below `width`, losses below twice that and log V: a few roundings of numbers of that size.
      const abs = EPS_F32 * (8 + 4 * width);
      expectClose('token losses', result.tokenLoss, expected.tokenLoss, { abs });
      expectClose('loss', result.loss, [expected.loss], { abs });
      const [dHidden, dHead] = numericGradients(
        ([x, w]) => seed * linearCrossEntropyReference(x!, w!, width, positions, targets).loss,
        [hidden, head],
      );
      // Probabilities times numbers below 1, divided by R; the head's sum over at most R rows.
      const scaled = { abs: abs * Math.max(1, Math.abs(seed)) };
      expectClose('dhidden', result.hiddenGradient!, dHidden!, scaled);
      expectClose('dhead', concatenated(result.headGradient), dHead!, scaled);
    }
  },
);

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
  const seed = 1.5;
  for (const [width, shards] of [
    [8, [16, 12]],
    [5, [9, 7]],
    [70, [3, 2]],
  ] as const) {
    const data = makeCase(random, 9, width, shards, 6);
    const { hidden, positions, targets } = data;
    const head = rounded(data.head, dtype, width);
    const result = await run(data, { dtype, seed, trainHidden: true });
    const late = await run(data, { dtype, seed, promised: false, trainHidden: true });
    const expected = linearCrossEntropyReference(hidden, head, width, positions, targets);
    const abs = EPS_F32 * (8 + 4 * width);
    expectClose('token losses', result.tokenLoss, expected.tokenLoss, { abs });
    const [dHidden] = numericGradients(
      ([x]) => seed * linearCrossEntropyReference(x!, head, width, positions, targets).loss,
      [hidden],
    );
    expectClose('dhidden', result.hiddenGradient!, dHidden!, { abs });
    expectClose('dhidden, late', late.hiddenGradient!, dHidden!, { abs });
    expect([result.headGradient, late.headGradient]).toEqual([[], []]);
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

/** A small call of the op, with what is needed to go on with its loss. */
function smallLoss(promise: number | undefined, train: 'hidden' | 'head') {
  const random = seededRandom(39);
  const hidden = runtime.fromArray(randomArray(random, 12), [3, 4]);
  const weight = runtime.fromArray(randomArray(random, 20), [5, 4]);
  (train === 'hidden' ? hidden : weight).requiresGrad = true;
  const index = runtime.fromArray(Uint32Array.of(2, 0), [2]);
  const seed = promise === undefined ? undefined : lossSeed(runtime, promise);
  const tape = new Tape(runtime);
  runtime.tape = tape;
  const { loss } = linearCrossEntropy(runtime, hidden, [{ weight }], index, index, { seed });
  return { tape, hidden, weight, loss, seed };
}

test('the gradient of a loss that goes through other ops is honoured, and adds to what is there', async () => {
  const before = runtime.pool.report().liveBuffers;
  const reads: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    // total = 3 · (loss + loss), and once more the hidden states themselves.
    const { tape, hidden, loss } = smallLoss(undefined, 'hidden');
    const twice = add(runtime, loss, loss);
    runtime.tape = undefined;
    const ones = runtime.fromArray(new Float32Array(12).fill(1), [3, 4]);
    tape.backward([
      { tensor: twice, gradient: lossSeed(runtime, 3).gradient },
      { tensor: hidden, gradient: ones },
    ]);
    reads.push(runtime.read(tape.gradientOf(hidden)!));
    tape.dispose();
    const plain = smallLoss(1, 'hidden');
    runtime.tape = undefined;
    plain.tape.backward([{ tensor: plain.loss, gradient: plain.seed!.gradient }]);
    reads.push(runtime.read(plain.tape.gradientOf(plain.hidden)!));
    plain.tape.dispose();
  });
  await runtime.recorder.flush();
  const [composed, plain] = await Promise.all(reads);
  expect(Math.max(...plain!.map(Math.abs))).toBeGreaterThan(0.05);
  expectClose(
    'composed',
    composed!,
    plain!.map((value) => 6 * value + 1),
    { abs: 4 * EPS_F32 },
  );
  expect(runtime.pool.report().liveBuffers).toBe(before);
});

test.each(['hidden', 'head'] as const)(
  'another gradient than the promised one is an error, as is none (%s)',
  (train) => {
    const before = runtime.pool.report().liveBuffers;
    runtime.scope(() => {
      const other = smallLoss(2, train);
      runtime.tape = undefined;
      expect(() => other.tape.backward([{ tensor: other.loss, gradient: lossSeed(runtime, 2).gradient }])).toThrow(
        'linearCrossEntropy: gradients were computed for a seed that was promised, but another gradient arrived',
      );
      other.tape.dispose();
      const none = smallLoss(2, train);
      runtime.tape = undefined;
      expect(() => none.tape.backward([])).toThrow('but none arrived');
      none.tape.dispose();
      const twice = smallLoss(2, train);
      const sum = add(runtime, twice.loss, twice.loss);
      runtime.tape = undefined;
      expect(() => twice.tape.backward([{ tensor: sum, gradient: twice.seed!.gradient }])).toThrow(
        'but another gradient arrived',
      );
      twice.tape.dispose();
    });
    runtime.recorder.discard();
    expect(runtime.pool.report().liveBuffers).toBe(before);
  },
);

test('without a seed the forward pass computes no gradients, and none at all where none is asked for', async () => {
  const kernels: string[] = [];
  const dispatch = vi.spyOn(runtime.recorder, 'dispatch').mockImplementation(({ kernel }) => void kernels.push(kernel));
  try {
    runtime.scope(() => {
      const late = smallLoss(undefined, 'hidden');
      runtime.tape = undefined;
      expect(kernels).not.toContain('linearCrossEntropy/scatterRows');
      const forward = kernels.length;
      late.tape.backward([]);
      late.tape.dispose();
      expect(kernels).toHaveLength(forward);
      const early = smallLoss(1, 'hidden');
      runtime.tape = undefined;
      expect(kernels).toContain('linearCrossEntropy/scatterRows');
      const all = kernels.length;
      early.tape.backward([{ tensor: early.loss, gradient: early.seed!.gradient }]);
      early.tape.dispose();
      expect(kernels).toHaveLength(all);
    });
  } finally {
    dispatch.mockRestore();
  }
  await runtime.recorder.flush();
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
      linearCrossEntropy(runtime, hidden, shards, index, targets);
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

test('a large vocabulary goes through the head in chunks of 128 rows, or of what one binding takes', () => {
  const rowsOf = (vocabulary: number, count: number, largest: number): number => {
    const limits = { ...DEFAULT_LIMITS, maxStorageBufferBindingSize: largest };
    const dry = new Runtime(
      dryDevice({ limits, info: { vendor: '', architecture: '', description: '', software: false } }),
    );
    const rows: number[] = [];
    const dispatch = dry.dispatch.bind(dry);
    dry.dispatch = (one) => {
      if (one.kernel === 'linearCrossEntropy/crossEntropyRows') rows.push(one.groups[0]);
      dispatch(one);
    };
    dry.scope(() => {
      const whole = () => dry.tensor([count], 'u32');
      const head = [{ weight: dry.tensor([vocabulary, 8], 'bf16') }];
      linearCrossEntropy(dry, dry.tensor([count, 8]), head, whole(), whole());
    });
    expect(rows.reduce((sum, n) => sum + n, 0)).toBe(count);
    return Math.max(...rows);
  };
  // 128 rows of Qwen's logits are 74 MiB.
  expect(rowsOf(151_936, 1280, 128 * 2 ** 20)).toBe(128);
  expect(rowsOf(151_936, 1280, 40 * 2 ** 20)).toBe(68);
  // 16 MiB of a small one's hold more.
  expect(rowsOf(1000, 4000, 128 * 2 ** 20)).toBe(4000);
});
