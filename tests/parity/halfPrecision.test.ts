import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runGoldenStep } from '../../src/cli/commands/step.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { compareWithGolden, LIMITS, type Deviations } from './goldens.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/**
 * What 11 significant bits of each operand may change, in the measures of LIMITS: half a unit of them is 2.4e-4, which layers add up. Over
 * all golden folders the worst were 4.0e-3, 6.8e-3, 1.3e-2, 3.9e-2 (a key projection's update), 9.4e-3 and 2.7e-3 (docs/METHOD.md).
 */
const HALF_LIMITS: Readonly<Record<keyof typeof LIMITS, number>> = {
  losses: 5e-3,
  matrices: 1e-2,
  tokenLosses: 2e-2,
  gradients: 5e-2,
  others: 1.5e-2,
  curve: 5e-3,
};

/** LoRA and whole models, all families, both signals, curves of ten steps and of a whole model; bf16 weights in shards. */
const FOLDERS = [
  'steps/qwen2-ten-steps',
  'steps/qwen2-full-parameters',
  'steps/llama3-rope-scaling',
  'reference-steps/full-curve',
  'reference-steps/qwen3-lora',
  'reference-steps/qwen2-yarn-lora',
  'reference-steps/smollm3-lora',
  'reference-steps/bf16-shards',
];

test.each(FOLDERS)('%s: products of 16 bits stay near the golden step, and are not it', async (name) => {
  const folder = join(HERE, name);
  const arithmetic = { products: 'f16', reductions: 'memory' } as const;
  const found = await compareWithGolden(folder, await runGoldenStep(runtime, folder, {}, { arithmetic }));
  console.log(name, JSON.stringify(found));
  for (const measure of Object.keys(LIMITS) as (keyof Deviations & keyof typeof LIMITS)[])
    expect(found[measure], measure).toBeLessThanOrEqual(HALF_LIMITS[measure]);
  // Sums of 32 bits alone would be within a tenth of their limits.
  expect(found.others).toBeGreaterThan(LIMITS.others);
});

test('sums within subgroups change no bit of a golden step', async () => {
  const folder = join(HERE, 'reference-steps/qwen3-lora');
  expect(runtime.gpu.subgroupSize).toBeGreaterThan(1);
  const [usual, found] = [
    await runGoldenStep(runtime, folder),
    await runGoldenStep(runtime, folder, {}, { arithmetic: { products: 'f32', reductions: 'subgroups' } }),
  ];
  expect(found).toEqual(usual);
});

test('recomputing layers changes no bit of a step with products of 16 bits: the way back computes as the way there did', async () => {
  const folder = join(HERE, 'steps/qwen2-ten-steps');
  const arithmetic = { products: 'f16', reductions: 'subgroups' } as const;
  const [kept, recomputed] = [
    await runGoldenStep(runtime, folder, {}, { arithmetic }),
    await runGoldenStep(runtime, folder, { checkpointing: true }, { arithmetic }),
  ];
  expect(recomputed.report).toEqual(kept.report);
});
