import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { LayerGates } from '../../../src/models/gates.ts';
import type { DecoderWeights } from '../../../src/models/weights.ts';
import { attributeGain } from '../../../src/objectives/revela/attribution.ts';
import { inspectPair } from '../../../src/objectives/revela/inspection.ts';
import { revela, type RevelaModels, type RevelaOptions } from '../../../src/objectives/revela/revela.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import { folder } from '../../files/helpers.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { expectClose, numericGradients } from '../../harness/numerics.ts';
import { QWEN2_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { referencePass } from '../../reference/decoder.ts';
import { inBatchAttentionReference } from '../../reference/inBatchAttention.ts';
import { linearCrossEntropyReference } from '../../reference/linearCrossEntropy.ts';
import { referenceRevela } from '../../reference/revela.ts';
import { OPTIONS } from './options.ts';

const config = { ...parseDecoderConfig(QWEN2_JSON), layers: 3 };
const { heads, headDim } = config;
const BATCH = {
  queryIds: [
    [3, 1, 4, 1],
    [5, 9],
    [2, 6, 5, 3, 5],
    [8, 8],
  ],
  passageIds: [
    [3, 1, 4, 1, 5, 9],
    [5, 9, 2],
    [2, 6, 5, 3, 5, 8, 9, 7],
    [8, 8, 10],
  ],
  lmIds: [
    [3, 1, 4, 1, 5],
    [5, 9],
    [2, 6, 5, 3, 5, 8, 9],
    [8, 8, 10, 0],
  ],
};
const CHUNKS = 4;
const LENGTHS = BATCH.lmIds.map((row) => row.length);
const STARTS = LENGTHS.map((_, i) => LENGTHS.slice(0, i).reduce((sum, length) => sum + length, 0));
const GATES = [0, 0.75, 0.75];

/** Random models near 3 nats, three layers of f32 sums of up to 24 products between tokens and losses. */
const TOLERANCE = { abs: 2e-6, rel: 2e-5 };

let runtime: Runtime;
let weights: DecoderWeights[];
let models: RevelaModels;
const open = (seed: number) =>
  loadDecoder(runtime, folder({ 'model.safetensors': writeSafetensors(randomCheckpoint(config, seed)) }), config, {
    head: true,
    trainable: true,
  });
beforeAll(async () => {
  runtime = await openTestRuntime();
  weights = [await open(1), await open(2)];
  models = { retriever: new Decoder(config, weights[0]!), languageModel: new Decoder(config, weights[1]!) };
});
afterAll(() => {
  for (const one of weights) one.destroy();
  runtime.destroy();
});

const reference = (seed: number) => ({
  ...config,
  epsilon: config.rmsNormEpsilon,
  frequencies: rotaryFrequencies(config),
  tensors: randomCheckpoint(config, seed),
});
const LM = reference(2);
const HEAD = LM.tensors[0]!.data;
const expectedAttention = (vNorm: boolean, gates = GATES) =>
  referenceRevela(
    {
      retriever: reference(1),
      languageModel: LM,
      head: HEAD,
      temperature: OPTIONS.temperature,
      pooling: OPTIONS.pooling,
      vNorm,
      gates,
    },
    BATCH,
  );

/** Loss of every predicted token of the in-batch pass under any A, in f64: by rows. */
function tokenLosses(attention: ArrayLike<number>, vNorm: boolean): Float64Array[] {
  const { keyValues } = referencePass(LM, BATCH.lmIds);
  const { hidden } = referencePass(LM, BATCH.lmIds, { attention, keyValues, vNorm, gates: GATES });
  return BATCH.lmIds.map((row, i) => {
    const positions = row.slice(1).map((_, t) => STARTS[i]! + t);
    return linearCrossEntropyReference(hidden, HEAD, config.hiddenSize, positions, row.slice(1)).tokenLoss;
  });
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** A step as training takes it: the loss, and all gradients of both models. */
async function step(options: RevelaOptions) {
  for (const { parameters } of weights) parameters!.zeroGradients();
  const tape = new Tape(runtime);
  runtime.beginScope();
  const forward = await revela(runtime, tape, models, BATCH, options);
  const loss = runtime.read(forward.ntpLoss);
  tape.backward(forward.roots);
  tape.dispose();
  runtime.endScope();
  const gradients = weights.map(({ parameters }) => runtime.read(parameters!.blocks[0]!.gradients));
  await runtime.recorder.flush();
  return { loss: (await loss)[0]!, gradients: await Promise.all(gradients) };
}

const live = () => runtime.pool.report().liveBuffers;

describe('inspectPair', () => {
  test.each([
    { vNorm: true, layer: 1, query: 2, neighbour: 0 },
    { vNorm: false, layer: 2, query: 0, neighbour: 3 },
    // A layer that reads nobody: what it would attend to, and a contribution of 0.
    { vNorm: true, layer: 0, query: 1, neighbour: 2 },
  ])('is what the f64 definition reads: %o', async ({ vNorm, layer, query, neighbour }) => {
    const before = live();
    const choice = { query, context: neighbour, layer };
    const found = await inspectPair(runtime, models, BATCH, { ...OPTIONS, vNorm }, choice);
    expect(live()).toBe(before);

    const { attention, similarity } = expectedAttention(vNorm);
    const at = query * CHUNKS + neighbour;
    expectClose('A', [found.attention], [attention[at]!], TOLERANCE);
    expectClose('S', [found.similarity], [similarity[at]!], TOLERANCE);
    expect(found).toMatchObject({
      ...choice,
      vNorm,
      heads,
      gates: GATES,
      queryTokens: LENGTHS[query],
      contextTokens: LENGTHS[neighbour],
    });
    const { keyValues } = referencePass(LM, BATCH.lmIds);
    const { readings } = referencePass(LM, BATCH.lmIds, { attention, keyValues, vNorm, gates: GATES });
    const { queries, self } = readings[layer]!;
    const { keys, values } = keyValues[layer]!;
    const shape = { heads, kvHeads: config.kvHeads, headDim, lengths: LENGTHS, gate: 1 };
    const alone = new Float64Array(CHUNKS * CHUNKS);
    alone[at] = 1;
    const nothing = new Float64Array(self.length);
    const output = (norm: boolean, v: ArrayLike<number> = values) =>
      inBatchAttentionReference(nothing, queries, keys, v, alone, { ...shape, vNorm: norm });
    /** ‖x[t, h]‖ over the query's tokens, [H, L_i]. */
    const norms = (x: ArrayLike<number>) =>
      Array.from({ length: heads * LENGTHS[query]! }, (_, n) => {
        const [h, t] = [Math.floor(n / LENGTHS[query]!), n % LENGTHS[query]!];
        const from = ((STARTS[query]! + t) * heads + h) * headDim;
        return Math.hypot(...Array.from(x).slice(from, from + headDim));
      });
    expectClose('‖O‖', found.outputNorms, norms(output(false)), TOLERANCE);
    expectClose('‖s‖', found.selfNorms, norms(self), TOLERANCE);
    const share = GATES[layer]! * attention[at]!;
    const added = norms(output(vNorm)).map((norm) => share * norm);
    expectClose('‖γ A O / N‖', found.contributionNorms, added, TOLERANCE);
    // Values that are unit vectors of one direction each turn O into P: headDim context tokens at a time.
    const contextTokens = LENGTHS[neighbour]!;
    for (let first = 0; first < contextTokens; first += headDim) {
      const units = Float64Array.from(values, (_, n) => {
        const [token, d] = [Math.floor(n / (config.kvHeads * headDim)) - STARTS[neighbour]!, n % headDim];
        return token - first === d ? 1 : 0;
      });
      const p = output(false, units);
      for (let h = 0; h < heads; h++)
        for (let t = 0; t < LENGTHS[query]!; t++) {
          const from = ((STARTS[query]! + t) * heads + h) * headDim;
          const row = (h * LENGTHS[query]! + t) * contextTokens;
          const count = Math.min(headDim, contextTokens - first);
          expectClose(
            `P of head ${h}, token ${t}`,
            found.probabilities.subarray(row + first, row + first + count),
            p.subarray(from, from + count),
            TOLERANCE,
          );
        }
    }
    for (let row = 0; row < heads * LENGTHS[query]!; row++) {
      const p = found.probabilities.subarray(row * contextTokens, (row + 1) * contextTokens);
      expect(Math.abs(p.reduce((sum, one) => sum + one, 0) - 1)).toBeLessThan(1e-6);
      // N from P and the lengths of the values.
      const kvHead = Math.floor(Math.floor(row / LENGTHS[query]!) / (heads / config.kvHeads));
      const norm = Array.from(p).reduce((sum, one, m) => {
        const from = ((STARTS[neighbour]! + m) * config.kvHeads + kvHead) * headDim;
        return sum + one * Math.hypot(...values.subarray(from, from + headDim));
      }, 0);
      expectClose('N', [found.valueNorms[row]!], [norm], TOLERANCE);
    }
  });

  test('reads learnt gates, and takes the last layer that reads where none is chosen', async () => {
    const gates = new LayerGates(runtime, [0, 0.5, -0.25]);
    const choice = { query: 0, context: 1 };
    const found = await inspectPair(runtime, { ...models, gates }, BATCH, { ...OPTIONS, contextGate: 0 }, choice);
    expect(found).toMatchObject({ layer: 2, gates: [0, 0.5, -0.25] });
    expect(Math.min(...found.contributionNorms)).toBeGreaterThan(0);
    gates.destroy();
    expect((await inspectPair(runtime, models, BATCH, { ...OPTIONS, contextLayers: [0, 1] }, choice)).layer).toBe(1);
  });

  test('a pair or layer that is not there is refused and leaves nothing behind', async () => {
    const before = live();
    const look =
      (query: number, neighbour: number, layer = 1) =>
      () =>
        inspectPair(runtime, models, BATCH, OPTIONS, { query, context: neighbour, layer });
    for (const [query, neighbour] of [
      [1, 1],
      [0, 4],
      [-1, 0],
    ] as const)
      await expect(look(query, neighbour)).rejects.toThrow(/no pair of chunks/);
    await expect(look(0, 1, 3)).rejects.toThrow(/no layer 3/);
    expect(live()).toBe(before);
  });
});

describe('attributeGain', () => {
  test.each([true, false])(
    'leaving one out and the first order are those of the f64 loss (V-norm %s)',
    async (vNorm) => {
      const before = live();
      const fractions: number[] = [];
      const found = await attributeGain(
        runtime,
        models,
        BATCH,
        { ...OPTIONS, vNorm, lossMask: 'secondHalf' },
        {
          onProgress: (fraction) => fractions.push(fraction),
        },
      );
      expect(live()).toBe(before);
      // One pass to begin with, and one for each of three neighbours.
      expect(fractions).toEqual([0, 1, 2, 3, 4].map((done) => done / 4));

      const { attention } = expectedAttention(vNorm);
      expectClose('A', found.attention, attention, TOLERANCE);
      const base = tokenLosses(attention, vNorm);
      base.forEach((losses, i) => expectClose(`losses of chunk ${i}`, found.tokenLoss[i]!, losses, TOLERANCE));
      const alone = tokenLosses(new Float64Array(CHUNKS * CHUNKS), vNorm);
      alone.forEach((losses, i) => expectClose(`alone ${i}`, found.isolatedTokenLoss[i]!, losses, TOLERANCE));
      for (let i = 0; i < CHUNKS; i++) {
        const gains = found.leaveOneOut![i]!;
        const count = LENGTHS[i]! - 1;
        expect(gains).toHaveLength(CHUNKS * count);
        for (let j = 0; j < CHUNKS; j++) {
          const left = attention.map((weight, at) => (at === i * CHUNKS + j ? 0 : weight));
          const expected = tokenLosses(left, vNorm)[i]!.map((loss, t) => loss - base[i]![t]!);
          // A difference of two losses.
          expectClose(`leave out ${i}, ${j}`, gains.subarray(j * count, (j + 1) * count), expected, {
            abs: 5e-5,
          });
          if (i === j) expect(Math.max(...gains.subarray(j * count, (j + 1) * count).map(Math.abs))).toBe(0);
        }
        const [slope] = numericGradients(([a]) => mean(tokenLosses(a!, vNorm)[i]!), [attention]);
        for (let j = 0; j < CHUNKS; j++) {
          const at = i * CHUNKS + j;
          expectClose(`first order ${i}, ${j}`, [found.firstOrder[at]!], [-attention[at]! * slope![at]!], TOLERANCE);
        }
      }
      const sizes = found.firstOrder.filter((_, at) => at % (CHUNKS + 1) !== 0).map(Math.abs);
      expect(Math.min(...sizes), 'nothing is compared with zeros').toBeGreaterThan(1e-4);
    },
  );

  test('leaving one out is, bit for bit, a step with that A', async () => {
    const found = await attributeGain(runtime, models, BATCH, OPTIONS);
    const [i, j] = [2, 3];
    const fixedAttention = found.attention.map((weight, at) => (at === i * CHUNKS + j ? 0 : weight));
    const again = await attributeGain(runtime, models, BATCH, OPTIONS, { fixedAttention });
    const count = LENGTHS[i]! - 1;
    const rise = again.tokenLoss[i]!.map((loss, t) => loss - found.tokenLoss[i]![t]!);
    expect(found.leaveOneOut![i]!.subarray(j * count, (j + 1) * count)).toEqual(rise);
    // Who reads nobody there needs no pass: one fewer is left for that row, and it stays 0.
    expect(again.leaveOneOut![i]!.subarray(j * count, (j + 1) * count)).toEqual(new Float32Array(count));
  });

  test('more passes than allowed leave the first order alone', async () => {
    const full = await attributeGain(runtime, models, BATCH, OPTIONS);
    const found = await attributeGain(runtime, models, BATCH, OPTIONS, { mostPasses: 2 });
    expect(found.leaveOneOut).toBeUndefined();
    expect(found.firstOrder).toEqual(full.firstOrder);
  });

  test('stops between two passes and leaves nothing behind', async () => {
    const before = live();
    const control = new AbortController();
    const running = attributeGain(runtime, models, BATCH, OPTIONS, {
      signal: control.signal,
      onProgress: (fraction) => fraction > 0.5 && control.abort(),
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(live()).toBe(before);
    expect((await attributeGain(runtime, models, BATCH, OPTIONS)).leaveOneOut).toBeDefined();
  });
});

test.each([{}, { checkpointing: true }])('loss and gradients are bit for bit those without it: %o', async (changes) => {
  const options = { ...OPTIONS, ...changes };
  const before = await step(options);
  await inspectPair(runtime, models, BATCH, options, { query: 3, context: 0 });
  const kept = weights.map(({ parameters }) => runtime.read(parameters!.blocks[0]!.gradients));
  await attributeGain(runtime, models, BATCH, options);
  // Not even what the last step left in the gradients is touched.
  expect(await Promise.all(kept)).toEqual(before.gradients);
  const after = weights.map(({ parameters }) => runtime.read(parameters!.blocks[0]!.gradients));
  await runtime.recorder.flush();
  expect(await Promise.all(after)).toEqual(before.gradients);
  expect(await step(options)).toEqual(before);
  for (const gradients of before.gradients) expect(Math.max(...gradients.map(Math.abs))).toBeGreaterThan(1e-3);
});
