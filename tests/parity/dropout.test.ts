import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldenParts } from '../../src/cli/commands/step.ts';
import { readGoldenOptions } from '../../src/cli/support/goldenFolder.ts';
import { loadGoldenModels } from '../../src/cli/support/goldenModels.ts';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import { readTrained } from '../../src/cli/support/watchedStep.ts';
import type { TensorToStore } from '../../src/files/formats/safetensors.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import { revelaObjective, withLanguageModel } from '../../src/objectives/revela/objective.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { assemble } from '../../src/run/assemble.ts';
import type { StepDropout } from '../../src/training/trainer.ts';
import { openTestRuntime } from '../harness/runtime.ts';

const HERE = import.meta.dirname;
/** Steps of reference-steps to which dropout/make.py.txt added it. */
const FOLDERS = ['nine-heads', 'gated-layers'];

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** A golden step under dropout, which moves nothing: step n has the masks of batch n. Each call is one more step. */
async function stepsOf(name: string, dropout: StepDropout, checkpointing = false) {
  const folder = join(HERE, 'reference-steps', name);
  const options = await readGoldenOptions(folder);
  const { models, trained } = await loadGoldenModels(runtime, folder, options);
  const objective = revelaObjective(withLanguageModel(models), { ...options, checkpointing });
  const run = assemble(runtime, { ...(await goldenParts(folder, options)), models, objective, dropout });
  return {
    destroy: () => run.destroy(),
    async step() {
      let pending: Promise<TensorToStore[]>[] = [];
      const onGradients = () => (pending = readTrained(runtime, trained, 'grad.', ({ gradient }) => gradient));
      const { metrics, loss, matrices, tokenRows } = await run.trainer.step({ onGradients });
      return { loss, metrics, matrices, tokenRows, gradients: (await Promise.all(pending)).flat() };
    },
  };
}

interface MaskedStep {
  readonly rate: number;
  readonly key: readonly number[];
  readonly loss: number;
  readonly ntpLoss: number;
  readonly isolatedLoss: number;
  readonly similarity: readonly number[][];
  readonly attention: readonly number[][];
  readonly tokenLoss: readonly number[][];
}

async function json<T>(name: string, file: string): Promise<T> {
  return JSON.parse(await readFile(join(HERE, 'dropout', name, file), 'utf8')) as T;
}

const furthest = (a: ArrayLike<number>, b: readonly number[]): number => {
  expect(a.length).toBe(b.length);
  return b.reduce((worst, value, at) => Math.max(worst, Math.abs(value - (a[at] ?? NaN))), 0);
};

describe.each(FOLDERS)('%s', (name) => {
  test.each([false, true])(
    'with our masks in PEFT’s layers: the same losses, S, A and gradients; recomputed %s',
    async (recomputed) => {
      const expected = await json<MaskedStep>(name, 'masked.json');
      const masks = { rate: expected.rate, keyAt: () => Uint32Array.from(expected.key) };
      const steps = await stepsOf(name, masks, recomputed);
      const { loss, metrics, matrices, tokenRows, gradients } = await steps.step();
      steps.destroy();
      for (const [found, wanted] of [
        [loss, expected.loss],
        [metrics['ntpLoss'], expected.ntpLoss],
        [metrics['isolatedLoss'], expected.isolatedLoss],
      ] as const)
        expect(Math.abs((found ?? NaN) / wanted - 1)).toBeLessThan(2e-6);
      expect(furthest(matrices['similarity']!, expected.similarity.flat())).toBeLessThan(1e-5);
      expect(furthest(matrices['attention']!, expected.attention.flat())).toBeLessThan(1e-5);
      expect(
        furthest(
          tokenRows['tokenLoss']!.flatMap((row) => [...row]),
          expected.tokenLoss.flat(),
        ),
      ).toBeLessThan(5e-5);
      const file = await openWeights(folderFiles(join(HERE, 'dropout', name)), 'masked');
      expect(gradients.map((one) => one.name).sort()).toEqual([...file.names].sort());
      let worst = 0;
      for (const { name: tensor, data } of gradients) {
        const wanted = await file.readFloats(tensor);
        const norm = (values: Float32Array): number => Math.hypot(...values);
        worst = Math.max(worst, norm(data.map((value, at) => value - wanted[at]!)) / norm(wanted));
      }
      console.log(
        name,
        'loss',
        Math.abs(loss / expected.loss - 1).toExponential(1),
        'gradients',
        worst.toExponential(1),
      );
      expect(worst).toBeLessThan(1e-5);
    },
  );

  test('over many batches losses and gradients are on average those of PyTorch’s own dropout', async () => {
    const STEPS = 200;
    const { rate } = await json<MaskedStep>(name, 'masked.json');
    type Moments = { readonly mean: number; readonly variance: number };
    const { seeds, ...scalars } = await json<{ seeds: number; loss: Moments; isolatedLoss: Moments }>(
      name,
      'expected.json',
    );
    const steps = await stepsOf(name, { rate, keyAt: (position) => Uint32Array.of(0x85ebca6b ^ position, position) });
    const sums = new Map<string, Float64Array>();
    const add = (key: string, values: ArrayLike<number>): void => {
      const sum = sums.get(key) ?? new Float64Array(values.length);
      for (let i = 0; i < values.length; i++) sum[i]! += values[i]! / STEPS;
      sums.set(key, sum);
    };
    for (let n = 0; n < STEPS; n++) {
      const { loss, metrics, gradients } = await steps.step();
      add('loss', [loss]);
      add('isolatedLoss', [metrics['isolatedLoss']!]);
      for (const { name: tensor, data } of gradients) add(tensor, data);
    }
    steps.destroy();
    /** Difference of the means over its standard error, PyTorch's own included. */
    const standardised = (mean: number, expected: Moments): number =>
      (mean - expected.mean) / Math.sqrt(expected.variance * (1 / STEPS + 1 / seeds));
    for (const key of ['loss', 'isolatedLoss'] as const)
      expect(Math.abs(standardised(sums.get(key)![0]!, scalars[key])), key).toBeLessThan(4);
    const file = await openWeights(folderFiles(join(HERE, 'dropout', name)), 'expected');
    const z: number[] = [];
    for (const [key, means] of sums) {
      if (!key.startsWith('grad.')) continue;
      const [mean, variance] = [await file.readFloats(`mean.${key}`), await file.readFloats(`variance.${key}`)];
      means.forEach((value, at) => z.push(standardised(value, { mean: mean[at]!, variance: variance[at]! })));
    }
    const square = z.reduce((sum, value) => sum + value ** 2, 0) / z.length;
    console.log(
      name,
      `${z.length} entries`,
      'mean square',
      square.toFixed(3),
      'largest',
      Math.max(...z.map(Math.abs)).toFixed(2),
    );
    // Thousands of standard normals, some of them alike: 1 on average, and none beyond 6.
    expect(square).toBeGreaterThan(0.6);
    expect(square).toBeLessThan(1.5);
    expect(Math.max(...z.map(Math.abs))).toBeLessThan(6);
  });
});
