import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runGoldenStep } from '../../src/cli/commands/step.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { compareWithGolden, LIMITS } from './goldens.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const foldersIn = (parent: string) =>
  readdirSync(join(HERE, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(parent, name));
/** Steps of the authors' code, and steps of the float64 implementation: options and shapes that the authors' do not show. */
const [authors, reference] = [foldersIn('steps'), foldersIn('reference-steps')];
/** The authors' steps are of other families. */
const ofQwen3 = reference.filter((name) => /qwen3/.test(name));

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('there are golden folders to compare with', () => {
  expect(authors.length).toBeGreaterThanOrEqual(11);
  expect(reference.length).toBeGreaterThanOrEqual(10);
  expect(ofQwen3).toHaveLength(2);
});

describe.each([...authors, ...reference])('%s', (name) => {
  test('losses, matrices, every gradient and the curve are those of the golden folder', async () => {
    const folder = join(HERE, name);
    const found = await compareWithGolden(folder, await runGoldenStep(runtime, folder));
    console.log(
      name,
      JSON.stringify(found, (_key, value: unknown) =>
        typeof value === 'number' ? Number(value.toExponential(1)) : value,
      ),
    );
    for (const [measure, limit] of Object.entries(LIMITS))
      expect(found[measure as keyof typeof LIMITS], measure).toBeLessThanOrEqual(limit);
  });
});

describe.each([...authors, ...ofQwen3])('%s, run again', (name) => {
  test('recomputing layers in the backward pass changes no bit', async () => {
    const folder = join(HERE, name);
    const kept = await runGoldenStep(runtime, folder);
    const recomputed = await runGoldenStep(runtime, folder, { checkpointing: true });
    expect(recomputed.report).toEqual(kept.report);
    // Observed tensors are seen twice when a layer runs twice; gradients and parameters are compared.
    const trained = (outcome: typeof kept) => outcome.tensors.filter(({ name: n }) => /^(grad|final)\./.test(n));
    expect(trained(recomputed)).toEqual(trained(kept));
  });

  test('a step leaves no GPU memory behind', async () => {
    const before = runtime.pool.report().liveBuffers;
    await runGoldenStep(runtime, join(HERE, name));
    expect(runtime.pool.report().liveBuffers).toBe(before);
  });
});
