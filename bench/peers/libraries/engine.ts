import { openDevice } from '../../../src/gpu/device.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { PLAIN } from '../../../src/models/families.ts';
import { allocateWeights } from '../../../src/models/weights.ts';
import { predictedTokens } from '../../../src/objectives/revela/predictedTokens.ts';
import { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { linear } from '../../../src/ops/linear.ts';
import { linearCrossEntropy, lossSeed } from '../../../src/ops/linearCrossEntropy.ts';
import { Optimiser } from '../../../src/training/optimiser.ts';
import { ADAM, EPSILON, ROPE_THETA, type ModelSize, type Weights } from '../work.ts';
import type { Contender, Job } from './contender.ts';

/** Our own engine. */
export async function openEngine(): Promise<Contender> {
  const runtime = new Runtime(await openDevice(navigator.gpu));
  return {
    name: 'this engine',
    version: '',
    product: ({ m, n, k }, x, w) => Promise.resolve(product(runtime, [m, n, k], x, w)),
    chain: (side, length, x, w) => Promise.resolve(chain(runtime, side, length, x, w)),
    training: (model, weights, ids) => Promise.resolve(training(runtime, model, weights, ids)),
  };
}

type Numbers = Float32Array<ArrayBuffer>;

function product(runtime: Runtime, [m, n, k]: readonly [number, number, number], x: Numbers, w: Numbers): Job {
  const [input, weight] = [runtime.fromArray(x, [m, k]), runtime.fromArray(w, [n, k])];
  return repeated(runtime, () => linear(runtime, input, weight), [input, weight]);
}

function chain(runtime: Runtime, side: number, length: number, x: Numbers, w: Numbers): Job {
  const [input, weight] = [runtime.fromArray(x, [side, side]), runtime.fromArray(w, [side, side])];
  const multiply = () => {
    let y = input;
    for (let i = 0; i < length; i++) y = linear(runtime, y, weight);
    return y;
  };
  return repeated(runtime, multiply, [input, weight]);
}

function repeated(runtime: Runtime, work: () => Tensor, inputs: readonly Tensor[]): Job {
  return {
    async run(times) {
      for (let i = 0; i < times; i++) runtime.scope(() => void work());
      await runtime.recorder.flush();
    },
    result: () => runtime.compute(work),
    destroy: () => inputs.forEach((input) => input.release()),
  };
}

function training(runtime: Runtime, model: ModelSize, weights: Weights, ids: readonly (readonly number[])[]): Job {
  const { layers, hidden, heads, mlp, vocabulary } = model;
  const config = {
    vocabularySize: vocabulary,
    hiddenSize: hidden,
    layers,
    heads,
    kvHeads: heads,
    headDim: hidden / heads,
    intermediateSize: mlp,
    ropeTheta: ROPE_THETA,
    ropeScaling: undefined,
    rmsNormEpsilon: EPSILON,
    tieWordEmbeddings: true,
    ...PLAIN,
  };
  const made = allocateWeights(runtime, config, { head: true, trainable: true });
  const { parameters, head } = made;
  if (!parameters || !head) throw new Error('What is trained has parameters and a head.');
  for (const { key } of made.specs) {
    const name = key === 'embedding.0' ? 'embedding' : key.replace(/[.]weight$/, '');
    const first = weights.get(name);
    if (!first) throw new Error(`There are no first weights for ${key}.`);
    runtime.recorder.upload(made.tensor(key).slice, first.data);
  }
  const decoder = new Decoder(config, made);
  const optimiser = new Optimiser(runtime, [{ name: 'all', parameters }], {
    ...ADAM,
    weightDecay: 0,
    clipNorm: 0,
  });
  let loss = Promise.resolve(new Float32Array(1));
  const step = () =>
    runtime.scope(() => {
      optimiser.step++;
      const numbers = optimiser.numbers({ step: optimiser.step, learningRate: ADAM.learningRate });
      optimiser.zeroGradients();
      const tape = new Tape(runtime);
      runtime.tape = tape;
      const input = decoder.prepare(runtime, ids);
      const { positions, next } = predictedTokens(ids, input.rows, 'all');
      const seed = lossSeed(runtime, 1);
      const [at, targets] = [positions, next].map((list) => runtime.fromArray(list, [list.length]));
      if (!at || !targets) throw new Error('There are positions and targets.');
      const lost = linearCrossEntropy(runtime, decoder.forward(runtime, input).hidden, head, at, targets, { seed });
      tape.backward([{ tensor: lost.loss, gradient: seed.gradient }]);
      tape.dispose();
      runtime.tape = undefined;
      optimiser.update(numbers, optimiser.norms().norms);
      loss = runtime.read(lost.loss);
    });
  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        step();
        await runtime.recorder.flush();
      }
    },
    result: () => loss,
    destroy() {
      optimiser.destroy();
      made.destroy();
    },
  };
}
