import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import { ADAM, EPSILON, turns, type ModelSize } from '../work.ts';
import type { Contender, Job } from './contender.ts';

type Numbers = Float32Array<ArrayBuffer>;
type Parameters = Record<string, np.Array>;

/** jax-js on its WebGPU device; functions that are used again go through its jit. */
export async function openJaxJs(version: string): Promise<Contender> {
  if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js found no WebGPU.');
  defaultDevice('webgpu');
  return { name: 'jax-js', version, product, chain, training };
}

/** Results that are let go unread are never computed: all of them are kept until they are there. */
function repeated(work: () => np.Array, inputs: readonly np.Array[]): Job {
  return {
    async run(times) {
      const results = Array.from({ length: times }, work);
      await blockUntilReady(results);
      for (const result of results) result.dispose();
    },
    result: async () => Float32Array.from(await work().data()),
    destroy: () => inputs.forEach((input) => input.dispose()),
  };
}

const product: Contender['product'] = async ({ m, n, k }, x, w) => {
  const inputs = [np.array(x).reshape([m, k]), np.array(w).reshape([n, k])] as const;
  await blockUntilReady([...inputs]);
  const multiply = jit((a: np.Array, b: np.Array) => np.matmul(a, b.transpose()));
  return repeated(() => multiply(inputs[0].ref, inputs[1].ref), inputs);
};

const chain: Contender['chain'] = async (side, length, x, w) => {
  const inputs = [np.array(x).reshape([side, side]), np.array(w).reshape([side, side])] as const;
  await blockUntilReady([...inputs]);
  const multiply = jit((a: np.Array, b: np.Array) => {
    let y = a;
    for (let i = 0; i < length; i++) y = np.matmul(y, b.ref.transpose());
    b.dispose();
    return y;
  });
  return repeated(() => multiply(inputs[0].ref, inputs[1].ref), inputs);
};

const training: NonNullable<Contender['training']> = (model, weights, ids) => {
  const { cos, sin } = turns(model);
  const { tokens, hidden, heads, vocabulary } = model;
  const half = hidden / heads / 2;
  const made = (data: Numbers | number[], shape: number[]) => np.array(data).reshape(shape);
  const first = (): Parameters =>
    Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, made(data, [...shape])]));
  const zeros = (): Parameters =>
    Object.fromEntries([...weights].map(([name, { shape }]) => [name, np.zeros([...shape])]));
  let parameters = first();
  let [m, v] = [zeros(), zeros()];
  const oneHot = (list: readonly number[]) =>
    made(
      Float32Array.from({ length: list.length * vocabulary }, (_, i) =>
        list[Math.floor(i / vocabulary)] === i % vocabulary ? 1 : 0,
      ),
      [list.length, vocabulary],
    );
  const inputs = {
    read: oneHot(ids.flat()),
    next: oneHot(ids.flatMap((row) => row.slice(1))),
    cos: made(cos, [tokens, 1, half]),
    sin: made(sin, [tokens, 1, half]),
  };
  const gradient = valueAndGrad((p: Parameters, i: typeof inputs) => lossOf(model, p, i));
  const update = jit(
    (
      p: Parameters,
      mean: Parameters,
      square: Parameters,
      i: typeof inputs,
      correction: { first: np.Array; second: np.Array },
    ) => {
      const [loss, gradients] = gradient(shared(p), i);
      const next: { p: Parameters; m: Parameters; v: Parameters } = { p: {}, m: {}, v: {} };
      for (const [name, g] of Object.entries(gradients)) {
        const newMean = own(mean, name)
          .mul(ADAM.beta1)
          .add(g.ref.mul(1 - ADAM.beta1));
        const newSquare = own(square, name)
          .mul(ADAM.beta2)
          .add(np.square(g).mul(1 - ADAM.beta2));
        const root = np.sqrt(newSquare.ref.mul(correction.second.ref)).add(ADAM.epsilon);
        const move = newMean.ref.mul(correction.first.ref).div(root).mul(ADAM.learningRate);
        next.p[name] = own(p, name).sub(move);
        next.m[name] = newMean;
        next.v[name] = newSquare;
      }
      correction.first.dispose();
      correction.second.dispose();
      return { loss, ...next };
    },
  );
  let step = 0;
  let loss: np.Array | undefined;
  return Promise.resolve({
    async run(times: number) {
      for (let i = 0; i < times; i++) {
        step++;
        const correction = {
          first: np.array([1 / (1 - ADAM.beta1 ** step)]),
          second: np.array([1 / (1 - ADAM.beta2 ** step)]),
        };
        loss?.dispose();
        const result = update(parameters, m, v, shared(inputs), correction);
        ({ p: parameters, m, v } = result);
        loss = result.loss;
        await blockUntilReady([loss, ...Object.values(parameters)]);
      }
    },
    result: async () => Float32Array.from(loss ? await loss.ref.data() : []),
    destroy() {
      for (const all of [parameters, m, v, inputs]) Object.values(all).forEach((array: np.Array) => array.dispose());
    },
  });
};

/** References of their own to all arrays. */
function shared<T extends Parameters>(arrays: T): T {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref])) as T;
}

function own(parameters: Parameters, name: string): np.Array {
  const found = parameters[name];
  if (!found) throw new Error(`There is no parameter ${name}.`);
  return found;
}

/** Mean loss of the next tokens: every function takes its arguments for itself, hence the many references. */
function lossOf(
  { layers, rows, tokens, hidden, heads, mlp, vocabulary }: ModelSize,
  parameters: Parameters,
  { read, next, cos, sin }: { read: np.Array; next: np.Array; cos: np.Array; sin: np.Array },
): np.Array {
  const size = hidden / heads;
  const of = (name: string) => own(parameters, name).ref;
  const linear = (x: np.Array, name: string) => np.matmul(x, of(name).transpose());
  const norm = (x: np.Array, name: string) => {
    const mean = np.square(x.ref).mean(-1, { keepdims: true });
    return x.div(np.sqrt(mean.add(EPSILON))).mul(of(name));
  };
  const turned = (x: np.Array) => {
    const [a, b] = [x.ref.slice([], [], [], [0, size / 2]), x.slice([], [], [], [size / 2, size])];
    return np.concatenate([a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref)), b.mul(cos.ref).add(a.mul(sin.ref))], -1);
  };
  let x = np.matmul(read, of('embedding'));
  for (let layer = 0; layer < layers; layer++) {
    const qkv = linear(norm(x.ref, `${layer}.inputNorm`), `${layer}.qkv`).reshape([rows, tokens, 3 * heads, size]);
    const part = (i: number) => qkv.ref.slice([], [], [i * heads, (i + 1) * heads], []);
    const [q, k, v] = [turned(part(0)), turned(part(1)), part(2)];
    qkv.dispose();
    const attended = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([rows * tokens, hidden]);
    x = x.add(linear(attended, `${layer}.o`));
    const gateUp = linear(norm(x.ref, `${layer}.postNorm`), `${layer}.gateUp`);
    const [gate, up] = [gateUp.ref.slice([], [0, mlp]), gateUp.slice([], [mlp, 2 * mlp])];
    x = x.add(linear(nn.silu(gate).mul(up), `${layer}.down`));
  }
  const predicting = norm(x, 'finalNorm')
    .reshape([rows, tokens, hidden])
    .slice([], [0, tokens - 1], [])
    .reshape([rows * (tokens - 1), hidden]);
  const logits = linear(predicting, 'embedding').reshape([rows * (tokens - 1), vocabulary]);
  const loss = nn.logSoftmax(logits, -1).mul(next).sum(-1).mean().neg();
  for (const array of [cos, sin, ...Object.values(parameters)]) array.dispose();
  return loss;
}
