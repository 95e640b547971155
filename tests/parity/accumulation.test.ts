import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { goldenParts } from '../../src/cli/commands/step.ts';
import { readGoldenOptions } from '../../src/cli/support/goldenFolder.ts';
import { loadGoldenModels } from '../../src/cli/support/goldenModels.ts';
import { revelaObjective, withLanguageModel } from '../../src/objectives/revela/objective.ts';
import { assemble } from '../../src/run/assemble.ts';
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
  const { models } = await loadGoldenModels(runtime, FOLDER, options);
  const parts = await goldenParts(FOLDER, options);
  const run = assemble(runtime, {
    ...parts,
    models,
    objective: revelaObjective(withLanguageModel(models), { ...options, checkpointing: false }),
    learningRate: () => 2e-3,
    accumulation: 2,
  });
  for (const [step, expected] of EXPECTED.entries()) {
    const { gradientNorm, metrics } = await run.trainer.step();
    // Of the same weights, that of float64; then the norm follows the rounding of thousands of weights, and Adam magnifies that of the
    // smallest gradients: sums in another order change it by 1e-5 a step.
    expect(Math.abs(gradientNorm / expected.gradientNorm - 1)).toBeLessThan(step === 0 ? 2e-7 : 5e-5);
    expect(Math.abs((metrics['ntpLoss'] ?? NaN) / expected.ntpLoss - 1)).toBeLessThan(5e-6);
  }
  run.destroy();
  runtime.destroy();
});
