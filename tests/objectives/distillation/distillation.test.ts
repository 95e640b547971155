import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { distillationObjective, distillationTerms } from '../../../src/objectives/distillation/objective.ts';
import { teacherLists } from '../../../src/objectives/distillation/teacherScores.ts';
import { recordPass } from '../../../src/objectives/readPass.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { folder } from '../../files/helpers.ts';
import { EPS_F32, expectClose, numericGradients } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { LLAMA_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { diagonalCrossEntropyReference } from '../../reference/diagonalCrossEntropy.ts';
import { listDivergenceReference } from '../../reference/listDivergence.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

describe('a teacher’s lists', () => {
  test('reach from 0 to 1 in each row, without the diagonal', () => {
    const { scores } = teacherLists([9, 2, 6, 4, 5, 3, 3, 3, 1, 2, 9, 4, 3, 7, 5, 9], 4, 0.6);
    expect([...scores].slice(0, 4)).toEqual([0, 0, 1, 0.5]);
    expect([...scores].slice(4, 8)).toEqual([1, 0, 0, 0]);
    expect([...scores].slice(12, 16)).toEqual([0, 1, 0.5, 0]);
  });

  test('where a teacher tells nothing apart, all score 0: it wishes for all alike', () => {
    expect([...teacherLists([5, 2, 2, 2, 5, 2, 2, 2, 5], 3, 0.6).scores]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('leave out the negatives above the threshold, not those at it, and never the positive', () => {
    const { leftOut } = teacherLists([10, 6, 6.1, 0, 10, 9, -1, 3, 10], 3, 0.6);
    expect([...leftOut].map((one) => one < 0)).toEqual([false, false, true, false, false, true, false, false, false]);
  });
});

interface Case {
  readonly size: number;
  readonly similarity: number[][];
  readonly raw: number[][];
  readonly dropped: number;
  readonly divergence: number;
  readonly contrast: number;
  readonly divergenceGradient: number[][];
  readonly contrastGradient: number[][];
}
const GOLDEN = JSON.parse(readFileSync(join(import.meta.dirname, 'golden/expected.json'), 'utf8')) as Case[];
const TAUS = { temperature: 0.05, teacherTemperature: 0.3 };

test.each(GOLDEN)(
  'against PyTorch: both terms and their gradients for B = $size, $dropped negatives left out',
  async (one) => {
    const { size } = one;
    const { scores, leftOut } = teacherLists(one.raw.flat(), size, 0.6);
    expect(leftOut.filter((value) => value !== 0)).toHaveLength(one.dropped);
    const gradientOf = async (seeds: readonly [number, number]) => {
      const { outputs, gradients } = await runOp(
        runtime,
        [
          { data: Float32Array.from(one.similarity.flat()), shape: [size, size] },
          { data: scores, shape: [size, size], requiresGrad: false },
          { data: leftOut, shape: [size, size], requiresGrad: false },
        ],
        (c, [s, t, l]) => distillationTerms(c, s!, { scores: t!, leftOut: l! }, TAUS).terms,
        seeds.map((seed) => Float32Array.of(seed)),
      );
      return { terms: outputs.map((values) => values[0]!), gradient: gradients[0]! };
    };
    const { terms, gradient } = await gradientOf([1, 0]);
    expect(Math.abs(terms[0]! / one.divergence - 1)).toBeLessThan(1e-6);
    expect(Math.abs(terms[1]! / one.contrast - 1)).toBeLessThan(2e-6);
    // Exponents reach 0.3/τ, each rounded once; a gradient is a difference of two shares over τ B.
    const close = (tau: number) => ({ abs: (8 * (1 + 0.3 / tau) * EPS_F32) / (tau * size) });
    expectClose('∂S, divergence', gradient, one.divergenceGradient.flat(), close(0.05));
    expectClose('∂S, contrast', (await gradientOf([0, 1])).gradient, one.contrastGradient.flat(), close(0.01));
    const both = one.divergenceGradient.flat().map((value, at) => value + 0.1 * one.contrastGradient.flat()[at]!);
    expectClose('∂S, both', (await gradientOf([1, 0.1])).gradient, both, close(0.01));
  },
);

test('the references’ gradients are those of finite differences', () => {
  const { size, similarity, raw, divergenceGradient, contrastGradient } = GOLDEN[0]!;
  const { scores, leftOut } = teacherLists(raw.flat(), size, 0.6);
  const [divergence] = numericGradients(
    ([s]) => listDivergenceReference(s!, scores, size, 0.05, 0.3).loss,
    [similarity.flat()],
  );
  expectClose('divergence', divergence!, divergenceGradient.flat(), { abs: 1e-5, rel: 1e-6 });
  const [contrast] = numericGradients(
    ([s]) =>
      diagonalCrossEntropyReference(
        s!.map((value, at) => value + leftOut[at]!),
        size,
        0.01,
      ).loss,
    [similarity.flat()],
  );
  expectClose('contrast', contrast!, contrastGradient.flat(), { abs: 1e-4, rel: 1e-5 });
});

const config = parseDecoderConfig(LLAMA_JSON);
const ROWS = {
  queryIds: [
    [3, 1],
    [5, 9, 2],
    [8, 8, 10],
  ],
  // No passage is like its own query: the contrast has something to say.
  passageIds: [
    [5, 9, 2, 6],
    [8, 8, 10, 4],
    [3, 1, 4],
  ],
};

test('the retriever learns from both terms by their weights, however batches are weighed', async () => {
  const files = folder({ 'model.safetensors': writeSafetensors(randomCheckpoint(config, 4)) });
  const weights = await loadDecoder(runtime, files, config, { head: false, trainable: true });
  weights.parameters!.setTrainable(true);
  const teacher = teacherLists([10, 7, 1, 2, 10, 4, 5, 5.5, 10], 3, 0.6);
  const step = async (contrastWeight: number, lossWeight: number, endsAtSignals = false) => {
    weights.parameters!.zeroGradients();
    const options = { pooling: 'mean', checkpointing: false, ...TAUS, contrastWeight } as const;
    const objective = distillationObjective(new Decoder(config, weights), options);
    runtime.beginScope();
    const batch = { retriever: ROWS, teacher, labels: [1, 1, 2] };
    const pass = objective.prepare(runtime, batch, { lossWeight, endsAtSignals });
    const { read } = await recordPass(runtime, (tape) => pass.record(tape));
    runtime.endScope();
    const gradients = runtime.read(weights.parameters!.blocks[0]!.gradients);
    await runtime.recorder.flush();
    return { observed: pass.observe(await read), gradients: await gradients };
  };
  const both = await step(0.1, 1);
  const { metrics, matrices, loss } = both.observed;
  expect(loss).toBeCloseTo(metrics['distillationLoss']! + 0.1 * metrics['contrastLoss']!, 6);
  const S = matrices['similarity']!;
  const { shares, wanted } = listDivergenceReference(S, teacher.scores, 3, 0.05, 0.3);
  const { probabilities } = diagonalCrossEntropyReference(
    S.map((value, at) => value + teacher.leftOut[at]!),
    3,
    0.01,
  );
  const expected = shares.map(
    (share, at) =>
      (share - wanted[at]!) / (0.05 * 3) + (0.1 * (probabilities[at]! - Number(at % 4 === 0))) / (0.01 * 3),
  );
  expectClose('∂L/∂S', matrices['similarityGradient']!, expected, { abs: 1e-4, rel: 1e-4 });
  expect(metrics['teacherRecallAt1']).toBe(0.5);
  const half = await step(0.1, 0.5);
  expect(half.observed.matrices).toEqual(matrices);
  expectClose(
    'half the weight',
    half.gradients,
    both.gradients.map((value) => value / 2),
    { abs: 1e-9, rel: 1e-5 },
  );
  expect(Math.max(...both.gradients.map(Math.abs))).toBeGreaterThan(1e-3);
  const alone = await step(0, 1);
  expect(alone.observed.loss).toBe(metrics['distillationLoss']);
  expect(alone.gradients).not.toEqual(both.gradients);
  const looked = await step(0.1, 1, true);
  expect(looked.observed.matrices).toEqual(matrices);
  expect(Math.max(...looked.gradients.map(Math.abs))).toBe(0);
  weights.destroy();
});
