import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { adamw, adamwNumbers, type AdamWArena, type AdamWSettings, type AdamWStep } from '../../src/ops/adamw.ts';
import { gradientNorms } from '../../src/ops/gradientNorm.ts';
import { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../harness/numerics.ts';
import { adamw as reference } from '../reference/adamw.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

type Settings = AdamWSettings & AdamWStep;

const TORCH: Settings = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  step: 1,
  clipNorm: 0,
};

/** One step, with the numbers that belong to it. */
function update(arena: AdamWArena, norm: Tensor, settings: Settings): void {
  adamw(runtime, arena, norm, adamwNumbers(runtime, settings, settings), settings);
}

interface State {
  parameters: Float32Array;
  m: Float32Array;
  v: Float32Array;
  norms: number[];
}

/** Runs one step per gradient on the GPU, from zero moments unless given. */
async function train(
  start: { parameters: Float32Array; m?: Float32Array; v?: Float32Array },
  gradients: readonly Float32Array[],
  settings: (step: number) => Settings,
): Promise<State> {
  const { length } = start.parameters;
  let pending: Promise<Float32Array>[] = [];
  const norms: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    const [parameters, m, v] = [start.parameters, start.m, start.v].map((data) =>
      runtime.fromArray(data ?? new Float32Array(length), [length]),
    ) as [Tensor, Tensor, Tensor];
    gradients.forEach((data, i) =>
      runtime.scope(() => {
        const gradient = runtime.fromArray(data, [length]);
        const norm = gradientNorms(runtime, [[gradient]]);
        norms.push(runtime.read(norm));
        update({ parameters, gradients: gradient, m, v }, norm, settings(i + 1));
      }),
    );
    pending = [parameters, m, v].map((tensor) => runtime.read(tensor));
  });
  await runtime.recorder.flush();
  const [parameters, m, v] = (await Promise.all(pending)) as [Float32Array, Float32Array, Float32Array];
  return { parameters, m, v, norms: (await Promise.all(norms)).map(([norm]) => norm!) };
}

test('several steps agree with torch.optim.AdamW in f64: decay, schedule, clipping', async () => {
  const random = seededRandom(81);
  const cases: ((step: number) => Settings)[] = [
    (step) => ({ ...TORCH, step }),
    (step) => ({ ...TORCH, step, weightDecay: 0 }),
    (step) => ({ ...TORCH, step, clipNorm: 1, learningRate: 1e-2 / step }),
    (step) => ({ ...TORCH, step, clipNorm: 1e6, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1 }),
    (step) => ({ ...TORCH, step, learningRate: 0 }),
  ];
  const lengths = [1, 3, 4, 1023, 5000];
  for (const [i, settings] of cases.entries()) {
    const length = lengths[i]!;
    const parameters = randomArray(random, length);
    const gradients = Array.from({ length: 7 }, (_, step) => randomArray(random, length, 10 ** (step - 4)));
    const state = {
      parameters: Float64Array.from(parameters),
      m: new Float64Array(length),
      v: new Float64Array(length),
    };
    gradients.forEach((gradient, step) => reference(state, gradient, settings(step + 1)));
    const found = await train({ parameters }, gradients, settings);
    // Each of 7 steps rounds p (≤ 1) a few times; an update is known to some 10 units of its own size.
    expectClose(`parameters ${i}`, found.parameters, state.parameters, { abs: 7 * EPS_F32, rel: 7 * EPS_F32 });
    const largest = Math.max(...gradients.flatMap((gradient) => [...gradient].map(Math.abs)));
    expectClose(`m ${i}`, found.m, state.m, { abs: 4 * EPS_F32 * largest, rel: 16 * EPS_F32 });
    expectClose(`v ${i}`, found.v, state.v, { abs: 0, rel: 40 * EPS_F32 });
  }
});

test('late steps keep their precision: corrections come from f64', async () => {
  const random = seededRandom(82);
  const [parameters, gradient, m] = [0, 1, 2].map(() => randomArray(random, 64)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const v = randomArray(random, 64).map((value) => value * value);
  for (const step of [100, 12_345, 1_000_000]) {
    const state = { parameters: Float64Array.from(parameters), m: Float64Array.from(m), v: Float64Array.from(v) };
    const settings = { ...TORCH, step, learningRate: 0.1 };
    reference(state, gradient, settings);
    const found = await train({ parameters, m, v }, [gradient], () => settings);
    expectClose(`step ${step}`, found.parameters, state.parameters, { abs: 2 * EPS_F32, rel: 10 * EPS_F32 });
  }
});

test('padding of zeros stays zero', async () => {
  const parameters = randomArray(seededRandom(83), 200).fill(0, 50, 128).fill(0, 190);
  const gradient = randomArray(seededRandom(84), 200).fill(0, 50, 128).fill(0, 190);
  const found = await train({ parameters }, [gradient, gradient, gradient], (step) => ({
    ...TORCH,
    step,
    clipNorm: 1,
  }));
  for (const array of [found.parameters, found.m, found.v]) {
    expect([...array.slice(50, 128), ...array.slice(190)]).toEqual(Array(88).fill(0));
    expect(array.slice(0, 50).every((value) => value !== 0)).toBe(true);
  }
});

test('a norm that is not finite is visible and changes nothing; the next step goes on', async () => {
  const random = seededRandom(85);
  const parameters = randomArray(random, 37);
  const m = randomArray(random, 37);
  const v = randomArray(random, 37).map((value) => value * value);
  for (const bad of [NaN, Infinity, -Infinity, 1e38]) {
    for (const clipNorm of [0, 1]) {
      const broken = randomArray(random, 37);
      broken[11] = bad;
      const good = randomArray(random, 37);
      const settings = { ...TORCH, step: 5, clipNorm };
      const stopped = await train({ parameters, m, v }, [broken], () => settings);
      expect(Number.isFinite(stopped.norms[0]), `norm of ${bad}`).toBe(false);
      expect([stopped.parameters, stopped.m, stopped.v]).toEqual([parameters, m, v]);
      const after = await train({ parameters, m, v }, [broken, good], () => settings);
      const without = await train({ parameters, m, v }, [good], () => settings);
      expect([after.parameters, after.m, after.v]).toEqual([without.parameters, without.m, without.v]);
      expect(after.parameters).not.toEqual(parameters);
    }
  }
});

test('a norm given as NaN bits is refused as well', async () => {
  const parameters = randomArray(seededRandom(86), 9);
  for (const bits of [0x7fc00000, 0xffc00001, 0x7f800000, 0xff800000]) {
    let pending: Promise<Float32Array> | undefined;
    runtime.scope(() => {
      const [p, g, m, v] = [0, 1, 2, 3].map(() => runtime.fromArray(parameters, [9])) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const norm = runtime.fromArray(Uint32Array.from([bits]), [1]);
      update({ parameters: p, gradients: g, m, v }, norm, { ...TORCH, clipNorm: 1 });
      pending = runtime.read(p);
    });
    await runtime.recorder.flush();
    expect(await pending).toEqual(parameters);
  }
});

test('words behind the arena are left alone', async () => {
  const data = randomArray(seededRandom(87), 8);
  let pending: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    const whole = [0, 1, 2, 3].map(() => runtime.fromArray(data.map(Math.abs), [8]));
    const [parameters, gradients, m, v] = whole.map((tensor) => Tensor.over({ ...tensor.slice, size: 20 }, [5])) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    update({ parameters, gradients, m, v }, gradientNorms(runtime, [[gradients]]), TORCH);
    pending = whole.map((tensor) => runtime.read(tensor));
  });
  await runtime.recorder.flush();
  const [parameters, , m, v] = await Promise.all(pending);
  for (const array of [parameters!, m!, v!]) {
    expect([...array.slice(5)]).toEqual([...data.slice(5)].map(Math.abs));
    expect(array[4]).not.toBe(Math.abs(data[4]!));
  }
});

test('settings out of range are refused in words', () => {
  runtime.scope(() => {
    const tensor = runtime.tensor([8]);
    const arena = { parameters: tensor, gradients: tensor, m: tensor, v: tensor };
    const norm = runtime.tensor([1]);
    expect(() => update({ ...arena, v: runtime.tensor([7]) }, norm, TORCH)).toThrow('7 v do not match 8');
    expect(() => update(arena, norm, { ...TORCH, step: 0 })).toThrow('count from 1');
    expect(() => update(arena, norm, { ...TORCH, epsilon: 0 })).toThrow('epsilon');
    expect(() => update(arena, norm, { ...TORCH, beta1: 1 })).toThrow('betas');
    expect(() => update(arena, norm, { ...TORCH, learningRate: NaN })).toThrow('learning rate');
  });
});
