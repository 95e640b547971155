import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { LayerGates } from '../../../src/models/gates.ts';
import { whileFrozen } from '../../../src/models/parameters.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import type { DecoderWeights } from '../../../src/models/weights.ts';
import type { Observation } from '../../../src/objectives/objective.ts';
import { recordPass } from '../../../src/objectives/readPass.ts';
import { revelaObjective } from '../../../src/objectives/revela/objective.ts';
import type { RevelaModels, RevelaOptions } from '../../../src/objectives/revela/revela.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { folder } from '../../files/helpers.ts';
import { EPS_F32, expectClose, numericGradients } from '../../harness/numerics.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { QWEN2_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { batchAttentionReference } from '../../reference/batchAttention.ts';
import { referencePass } from '../../reference/decoder.ts';
import { linearCrossEntropyReference } from '../../reference/linearCrossEntropy.ts';
import { OPTIONS } from './options.ts';

const config = { ...parseDecoderConfig(QWEN2_JSON), layers: 3 };

/** Rows of `lengths` tokens, each a stretch of one sequence of ids; queries are shorter and passages longer than texts. */
function batchOf(lengths: readonly number[]) {
  const ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4];
  const row = (i: number, length: number) => Array.from({ length }, (_, t) => ids[(5 * i + t) % ids.length]!);
  return {
    queryIds: lengths.map((length, i) => row(i, Math.max(1, length - 1))),
    passageIds: lengths.map((length, i) => row(i, length + 1)),
    lmIds: lengths.map((length, i) => row(i, length)),
  };
}
const BATCHES = { four: batchOf([5, 2, 7, 4]), three: batchOf([3, 6, 2]), five: batchOf([2, 4, 3, 6, 2]) };

let runtime: Runtime;
let weights: DecoderWeights[];
let gates: LayerGates;
let models: RevelaModels;
beforeAll(async () => {
  runtime = await openTestRuntime();
  const open = (seed: number) =>
    loadDecoder(runtime, folder({ 'model.safetensors': writeSafetensors(randomCheckpoint(config, seed)) }), config, {
      head: true,
      trainable: true,
    });
  weights = [await open(1), await open(2)];
  gates = new LayerGates(runtime, LEARNT);
  models = { retriever: new Decoder(config, weights[0]!), languageModel: new Decoder(config, weights[1]!) };
});
afterAll(() => {
  for (const one of [...weights, gates]) one.destroy();
  runtime.destroy();
});

const LEARNT = [0.5, 0.75, -0.4];
const LM = {
  ...config,
  epsilon: config.rmsNormEpsilon,
  frequencies: rotaryFrequencies(config),
  tensors: randomCheckpoint(config, 2),
};
const HEAD = LM.tensors[0]!.data;

interface Case {
  readonly batch: keyof typeof BATCHES;
  readonly changes?: Partial<RevelaOptions>;
  readonly learnsGates?: boolean;
}

/** The whole loss that is differentiated as a function of A, in f64. */
function lossOf({ batch, changes, learnsGates }: Case): (attention: ArrayLike<number>) => number {
  const options = { ...OPTIONS, ...changes };
  const { lmIds } = BATCHES[batch];
  const read = (layer: number) => options.contextLayers?.includes(layer) ?? true;
  const factors = Array.from({ length: 3 }, (_, layer) =>
    read(layer) ? (learnsGates ? LEARNT[layer]! : options.contextGate) : 0,
  );
  const plain = referencePass(LM, lmIds);
  const positions: number[] = [];
  const next: number[] = [];
  let start = 0;
  for (const row of lmIds) {
    const first = options.lossMask === 'all' ? 1 : Math.max(1, Math.floor(row.length / 2));
    for (let t = first; t < row.length; t++) {
      positions.push(start + t - 1);
      next.push(row[t]!);
    }
    start += row.length;
  }
  const loss = (hidden: Float64Array) =>
    linearCrossEntropyReference(hidden, HEAD, config.hiddenSize, positions, next).loss;
  const alone = options.dualLoss ? loss(plain.hidden) : 0;
  return (attention) => {
    const reading = { attention, keyValues: plain.keyValues, vNorm: options.vNorm, gates: factors };
    return alone + loss(referencePass(LM, lmIds, reading).hidden);
  };
}

type Pass = { readonly endsAtSignals: boolean; readonly lossWeight?: number; readonly fixed?: Float32Array };

/** A pass over a batch with its gradients: as training takes it, or ending at the signals with all parameters frozen. */
async function observed(
  { batch, changes, learnsGates }: Case,
  { endsAtSignals, lossWeight = 1, fixed }: Pass,
): Promise<Observation> {
  const before = runtime.pool.report().liveBuffers;
  const both = learnsGates ? { ...models, gates } : models;
  const objective = revelaObjective(both, { ...OPTIONS, ...changes });
  const tokens = BATCHES[batch];
  const input = { tokens, labels: [], fixedAttention: fixed && Float32Array.from(fixed) };
  runtime.beginScope();
  const pass = objective.prepare(runtime, input, { lossWeight, endsAtSignals });
  const record = () => recordPass(runtime, (tape) => pass.record(tape));
  const { read } = await (endsAtSignals
    ? whileFrozen([...weights.map(({ parameters }) => parameters), gates.parameters], record)
    : record());
  runtime.endScope();
  await runtime.recorder.flush();
  const observation = pass.observe(await read);
  expect(runtime.pool.report().liveBuffers).toBe(before);
  return observation;
}

const CASES: readonly [string, Case][] = [
  ['V-normalised', { batch: 'four' }],
  ['not V-normalised', { batch: 'three', changes: { vNorm: false } }],
  ['with learnt gates', { batch: 'three', changes: { contextLayers: undefined }, learnsGates: true }],
  [
    'with the loss alone beside it, of second halves',
    { batch: 'five', changes: { dualLoss: true, lossMask: 'secondHalf' } },
  ],
  ['recomputed, keys and values detached', { batch: 'three', changes: { checkpointing: true, detachKeyValues: true } }],
];

describe.each(CASES)('the teaching signal, %s', (_, one) => {
  const { temperature } = OPTIONS;
  const loss = lossOf(one);
  const chunks = BATCHES[one.batch].lmIds.length;
  let seen: Observation;
  beforeAll(async () => {
    seen = await observed(one, { endsAtSignals: true });
  });

  test('∂L/∂A and ∂L/∂S are the slopes of the whole loss in f64', () => {
    const { attention, similarity, attentionGradient, similarityGradient } = seen.matrices;
    const S = Float64Array.from(similarity!);
    const [ofS] = numericGradients(
      ([s]) => loss(batchAttentionReference(s!, chunks, temperature)),
      [batchDiagonalFree(S, chunks)],
    );
    const [ofA] = numericGradients(([a]) => loss(a!), [attention!]);
    // The diagonal of A is not read: its slope is nobody's.
    for (let i = 0; i < chunks; i++) ofA![i * (chunks + 1)] = 0;
    // Slopes near 0.1: three layers of f32 sums lie between them and the loss.
    expectClose('∂L/∂A', attentionGradient!, ofA!, { abs: 2e-6, rel: 5e-5 });
    expectClose('∂L/∂S', similarityGradient!, ofS!, { abs: 2e-6, rel: 5e-5 });
    expect(Math.max(...similarityGradient!.map(Math.abs)), 'nothing is compared with zeros').toBeGreaterThan(1e-3);
  });

  test('∂L/∂S is (1/τ) · A ⊙ (g − Σ A g)', () => {
    const { attention: A, attentionGradient: g, similarityGradient } = seen.matrices;
    const expected = A!.map((weight, at) => {
      const row = Math.floor(at / chunks) * chunks;
      let average = 0;
      for (let k = 0; k < chunks; k++) average += A![row + k]! * g![row + k]!;
      return (weight * (g![at]! - average)) / temperature;
    });
    expectClose('∂L/∂S', similarityGradient!, expected, {
      abs: 8 * EPS_F32 * Math.max(...g!.map(Math.abs)),
      rel: 1e-5,
    });
  });

  test('a small step along −∂L/∂S lowers the engine’s loss by as much as it says', async () => {
    const { similarity, similarityGradient: G } = seen.matrices;
    const squared = G!.reduce((sum, value) => sum + value * value, 0);
    // Far above what f32 loses of a loss near 3, and both sides of it, so that the curvature cancels.
    const wanted = 4e-3;
    const size = wanted / squared;
    const at = async (sign: number): Promise<number> => {
      const moved = Float64Array.from(similarity!, (value, i) => value + sign * size * G![i]!);
      const fixed = Float32Array.from(batchAttentionReference(moved, chunks, temperature));
      return (await observed(one, { endsAtSignals: true, fixed })).loss;
    };
    const [lower, higher] = [await at(-1), await at(1)];
    expect(lower).toBeLessThan(seen.loss);
    expect(seen.loss).toBeLessThan(higher);
    expect((higher - lower) / (2 * wanted)).toBeGreaterThan(0.9);
    expect((higher - lower) / (2 * wanted)).toBeLessThan(1.1);
  });

  test('a training step has the same, bit for bit, whatever its weight among several batches', async () => {
    for (const lossWeight of [1, 0.5]) {
      const trained = await observed(one, { endsAtSignals: false, lossWeight });
      expect(trained.loss).toBe(seen.loss);
      expect(trained.matrices).toEqual(seen.matrices);
    }
  });
});

/** S with an empty diagonal: it is in no A. */
function batchDiagonalFree(similarity: Float64Array, chunks: number): Float64Array {
  return similarity.map((value, at) => (at % (chunks + 1) === 0 ? 0 : value));
}

test('pairs that underflow at a low temperature teach nothing, and are not made up', async () => {
  const one: Case = { batch: 'four', changes: { temperature: 0.002 } };
  const { attention, attentionGradient, similarityGradient } = (await observed(one, { endsAtSignals: true })).matrices;
  const zeros = Array.from(attention!.keys()).filter((at) => at % 5 !== 0 && attention![at] === 0);
  expect(zeros.length).toBeGreaterThan(0);
  for (const at of zeros) expect([attentionGradient![at], similarityGradient![at]]).toEqual([0, 0]);
});

test('where A is fixed there is ∂L/∂A when one looks, no ∂L/∂S ever, and neither in training', async () => {
  const one: Case = { batch: 'four' };
  const fixed = new Float32Array(16).map((_, at) => (at % 5 === 0 ? 0 : 1 / 3));
  const looked = (await observed(one, { endsAtSignals: true, fixed })).matrices;
  const [slope] = numericGradients(([a]) => lossOf(one)(a!), [fixed]);
  for (let i = 0; i < 4; i++) slope![5 * i] = 0;
  expectClose('∂L/∂A', looked['attentionGradient']!, slope!, { abs: 2e-6, rel: 5e-5 });
  expect(looked['similarityGradient']).toBeUndefined();
  const trained = (await observed(one, { endsAtSignals: false, fixed })).matrices;
  expect([trained['attentionGradient'], trained['similarityGradient']]).toEqual([undefined, undefined]);
});

test('where no layer reads there is nothing to tell', async () => {
  const one: Case = { batch: 'four', changes: { contextGate: 0 } };
  const { matrices } = await observed(one, { endsAtSignals: true });
  expect(Object.keys(matrices).sort()).toEqual(['attention', 'similarity']);
});
