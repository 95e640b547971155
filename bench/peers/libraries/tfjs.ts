import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { ADAM, EPSILON, turns, type ModelSize } from '../work.ts';
import type { Contender, Job } from './contender.ts';

/** TensorFlow.js on its WebGPU backend. */
export async function openTfjs(version: string): Promise<Contender> {
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js found no WebGPU.');
  await tf.ready();
  return { name: 'tfjs-webgpu', version, product, chain, training };
}

/** Sends what is pending, and waits until the GPU is through with it. */
async function done(): Promise<void> {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) throw new Error('Another backend was chosen.');
  backend.endComputePassEncoder();
  if (backend.commandEncoder) backend.submitQueue();
  await backend.device.queue.onSubmittedWorkDone();
}

function repeated(work: () => tf.Tensor, inputs: readonly tf.Tensor[]): Job {
  return {
    async run(times) {
      const results = Array.from({ length: times }, () => tf.tidy(work));
      await done();
      tf.dispose(results);
    },
    async result() {
      const y = tf.tidy(work);
      const data = await y.data();
      y.dispose();
      return Float32Array.from(data);
    },
    destroy: () => tf.dispose([...inputs]),
  };
}

const product: Contender['product'] = ({ m, n, k }, x, w) => {
  const a = tf.tensor2d(x, [m, k]);
  const b = tf.tidy(() => tf.tensor2d(w, [n, k]).transpose([1, 0]));
  return Promise.resolve(repeated(() => tf.matMul(a, b), [a, b]));
};

const chain: Contender['chain'] = (side, length, x, w) => {
  const [a, b] = [tf.tensor2d(x, [side, side]), tf.tensor2d(w, [side, side])];
  const multiply = () => {
    let y: tf.Tensor = a;
    for (let i = 0; i < length; i++) y = tf.matMul(y, b, false, true);
    return y;
  };
  return Promise.resolve(repeated(multiply, [a, b]));
};

const training: NonNullable<Contender['training']> = (model, weights, ids) => {
  const { tokens, hidden, heads, vocabulary } = model;
  const parameters = new Map(
    [...weights].map(([name, { shape, data }]) => [name, tf.variable(tf.tensor(data, [...shape]))]),
  );
  const half = hidden / heads / 2;
  const angles = turns(model);
  const oneHot = (list: number[]): tf.Tensor => tf.oneHot(tf.tensor1d(list, 'int32'), vocabulary).toFloat();
  const inputs = {
    // By a product: there is no gradient of gathering on this backend.
    read: oneHot(ids.flat()),
    next: oneHot(ids.flatMap((row) => row.slice(1))),
    cos: tf.tensor(angles.cos, [1, tokens, 1, half]),
    sin: tf.tensor(angles.sin, [1, tokens, 1, half]),
    mask: tf.tensor2d(
      Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -1e9 : 0)),
      [tokens, tokens],
    ),
  };
  const optimiser = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);
  let loss: tf.Tensor | undefined;
  return Promise.resolve({
    async run(times: number) {
      for (let i = 0; i < times; i++) {
        loss?.dispose();
        loss = optimiser.minimize(() => lossOf(model, parameters, inputs), true) ?? undefined;
        await done();
      }
    },
    result: async () => Float32Array.from((await loss?.data()) ?? []),
    destroy: () => tf.dispose([...parameters.values(), ...Object.values(inputs)]),
  });
};

function lossOf(
  { layers, rows, tokens, hidden, heads }: ModelSize,
  parameters: ReadonlyMap<string, tf.Tensor>,
  { read, next, cos, sin, mask }: Record<'read' | 'next' | 'cos' | 'sin' | 'mask', tf.Tensor>,
): tf.Tensor {
  const size = hidden / heads;
  const of = (name: string): tf.Tensor => {
    const found = parameters.get(name);
    if (!found) throw new Error(`There is no parameter ${name}.`);
    return found;
  };
  const linear = (x: tf.Tensor, name: string) => tf.matMul(x, of(name), false, true);
  const norm = (x: tf.Tensor, name: string) => x.div(tf.square(x).mean(-1, true).add(EPSILON).sqrt()).mul(of(name));
  const turned = (x: tf.Tensor) => {
    const [a, b] = tf.split(x, 2, -1);
    if (!a || !b) throw new Error('A head has two halves.');
    return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], -1);
  };
  let x: tf.Tensor = tf.matMul(read, of('embedding'));
  for (let layer = 0; layer < layers; layer++) {
    const qkv = linear(norm(x, `${layer}.inputNorm`), `${layer}.qkv`).reshape([rows, tokens, 3 * heads, size]);
    const [q, k, v] = tf.split(qkv, 3, 2);
    if (!q || !k || !v) throw new Error('There are queries, keys and values.');
    const [Q, K, V] = [turned(q), turned(k), v].map((part) => part.transpose([0, 2, 1, 3]));
    if (!Q || !K || !V) throw new Error('There are queries, keys and values.');
    const scores = tf
      .matMul(Q, K, false, true)
      .mul(1 / Math.sqrt(size))
      .add(mask);
    const attended = tf
      .matMul(tf.softmax(scores), V)
      .transpose([0, 2, 1, 3])
      .reshape([rows * tokens, hidden]);
    x = x.add(linear(attended, `${layer}.o`));
    const [gate, up] = tf.split(linear(norm(x, `${layer}.postNorm`), `${layer}.gateUp`), 2, -1);
    if (!gate || !up) throw new Error('There are gates and values.');
    x = x.add(linear(gate.mul(tf.sigmoid(gate)).mul(up), `${layer}.down`));
  }
  const predicting = norm(x, 'finalNorm')
    .reshape([rows, tokens, hidden])
    .slice([0, 0, 0], [rows, tokens - 1, hidden])
    .reshape([rows * (tokens - 1), hidden]);
  return tf.logSoftmax(linear(predicting, 'embedding')).mul(next).sum(-1).mean().neg();
}
