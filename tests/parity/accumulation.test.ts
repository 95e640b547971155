import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readGoldenBatches, readGoldenOptions } from '../../src/cli/support/goldenFolder.ts';
import { loadGoldenModels } from '../../src/cli/support/goldenModels.ts';
import { Optimiser } from '../../src/training/optimiser.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { openTestRuntime } from '../harness/runtime.ts';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'reference-steps/full-curve');

/**
 * Three updates at learning rate 2e-3, each over the mean gradient of both batches of the folder: norm of that mean before
 * clipping, and loss of the second batch. From the float64 implementation that the folder comes from.
 */
const EXPECTED = [
  { gradientNorm: 3.4370064451763755, ntpLoss: 4.592845691224067 },
  { gradientNorm: 3.1682891176369026, ntpLoss: 4.2842199794959 },
  { gradientNorm: 2.8727675784069744, ntpLoss: 4.0003773592222815 },
];

test('gradients accumulated over two batches are the float64 mean, and train like it', async () => {
  const runtime = await openTestRuntime();
  const options = await readGoldenOptions(FOLDER);
  const batches = await readGoldenBatches(FOLDER);
  const models = await loadGoldenModels(runtime, FOLDER, options);
  const { betas, eps, weightDecay, clipNorm } = options.optimizer!;
  const optimiser = new Optimiser(runtime, models.groups, {
    beta1: betas[0],
    beta2: betas[1],
    epsilon: eps,
    weightDecay,
    clipNorm,
  });
  const trainer = new Trainer({
    runtime,
    models,
    optimiser,
    feed: {
      batchAt: (position) => ({ tokens: batches[position % batches.length]!, labels: [] }),
      heldOut: () => [],
    },
    options: { ...options, checkpointing: false },
    schedule: { learningRate: 2e-3, warmup: 0, decaySteps: 0 },
    accumulation: batches.length,
    evaluateEvery: 0,
  });
  for (const expected of EXPECTED) {
    const { gradientNorm, ntpLoss } = await trainer.step();
    // A norm follows the rounding of thousands of weights, and Adam magnifies that of the smallest gradients.
    expect(Math.abs(gradientNorm / expected.gradientNorm - 1)).toBeLessThan(2e-5);
    expect(Math.abs(ntpLoss / expected.ntpLoss - 1)).toBeLessThan(5e-6);
  }
  optimiser.destroy();
  models.destroy();
  runtime.destroy();
});
