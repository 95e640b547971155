import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import { runGoldenStep, type StepOutcome } from '../../src/cli/commands/step.ts';
import { writeSafetensors } from '../../src/files/formats/safetensors.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { storedFile, type StoredType } from '../files/helpers.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import type { NamedTensor } from '../harness/tinyDecoder.ts';
import { rounded } from '../harness/weights.ts';
import { compareWithGolden, LIMITS, type Deviations } from './goldens.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
/** Real head size and width; widths that are no multiple of four; two bases, one of them for the retriever. */
const FOLDERS = ['steps/qwen2-group7-head64', 'reference-steps/nine-heads', 'steps/two-bases'];

let runtime: Runtime;
const temporary = mkdtempSync(join(tmpdir(), 'revela-loader-'));
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => {
  runtime.destroy();
  rmSync(temporary, { recursive: true });
});

interface Stored {
  readonly dtype: StoredType;
  /** What becomes of the numbers before they are stored. */
  readonly change?: (values: Float32Array, shape: readonly number[]) => Float32Array;
  /** Files that the tensors are spread over, with an index when there are several. */
  readonly files?: number;
  /** Names of the tensors of a base; undefined for one that is left out. */
  readonly rename?: (name: string, base: string) => string | undefined;
}

/** Limits as a plain object: a GPU's own has them on its prototype. */
function limitsOf({ gpu }: Runtime): GPUSupportedLimits {
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) {
    const value: unknown = gpu.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return limits as unknown as GPUSupportedLimits;
}

let made = 0;
/** A copy of a golden folder whose bases are stored in another way. */
async function restored(
  golden: string,
  { dtype, change, files = 1, rename = (name) => name }: Stored,
): Promise<string> {
  const [source, target] = [join(HERE, golden), join(temporary, String(made++))];
  cpSync(source, target, { recursive: true });
  for (const base of readdirSync(source).filter((name) => /base/.test(name))) {
    const weights = await openWeights(folderFiles(join(source, base)));
    const tensors: NamedTensor[] = [];
    for (const name of weights.names) {
      const data = await weights.readFloats(name);
      const shape = weights.get(name)!.shape;
      const renamed = rename(name, base);
      if (renamed !== undefined) tensors.push({ name: renamed, shape, data: change ? change(data, shape) : data });
    }
    rmSync(join(target, base), { recursive: true });
    mkdirSync(join(target, base));
    cpSync(join(source, base, 'config.json'), join(target, base, 'config.json'));
    const names = Array.from({ length: files }, (_, i) =>
      files === 1 ? 'model.safetensors' : `part-${i}.safetensors`,
    );
    names.forEach((name, i) =>
      writeFileSync(
        join(target, base, name),
        storedFile(
          tensors.filter((_, at) => at % files === i),
          () => dtype,
        ),
      ),
    );
    if (files === 1) continue;
    const map = Object.fromEntries(tensors.map(({ name }, at) => [name, names[at % files]]));
    writeFileSync(join(target, base, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  }
  return target;
}

/** Makes an outcome the expectation of `folder`. */
function expectFrom(folder: string, { report, tensors }: StepOutcome): void {
  writeFileSync(join(folder, 'expected.json'), JSON.stringify(report));
  writeFileSync(join(folder, 'expected.safetensors'), writeSafetensors(tensors));
}

function expectWithin(
  what: string,
  found: Deviations,
  limits: Omit<Deviations, 'worstGradient' | 'worstOther' | 'curve'>,
) {
  console.log(
    what,
    JSON.stringify(found, (_, v: unknown) => (typeof v === 'number' ? Number(v.toExponential(1)) : v)),
  );
  for (const [measure, limit] of Object.entries(limits))
    expect(found[measure as keyof typeof limits], measure).toBeLessThanOrEqual(limit);
}

/** The same numbers, widened in a kernel instead of on the way to it: nothing but the compiler's choices may differ. */
const SAME = { losses: 1e-6, matrices: 1e-6, tokenLosses: 5e-6, gradients: 1e-5, others: 5e-6 };

const asBf16 = (values: Float32Array) => rounded(values, 'bf16');
/**
 * Twice the largest deviations measured here. Rounding to bf16 (8 bits) and to int8 (half a step of 1/127 of the largest of 32)
 * moves weights by about 0.2 % and 0.6 % of their size, at random; the bases of the goldens are random too, with logits
 * around 10, so what comes out moves by a few times as much, single tokens and the small gradients of q and k most of all.
 */
const ROUNDED = {
  bf16: { losses: 6e-3, matrices: 0.03, tokenLosses: 0.12, gradients: 0.13, others: 0.02 },
  int8: { losses: 7e-3, matrices: 0.04, tokenLosses: 0.25, gradients: 0.3, others: 0.045 },
};

/** Matrices and tables; norms and biases stay as they are. */
const asInt8 = (values: Float32Array, [, columns]: readonly number[]) =>
  columns === undefined ? values : rounded(values, 'i8', columns);

describe.each(FOLDERS)('%s', (golden) => {
  test('packed bf16, in three files, gives what the same numbers in f32 give', async () => {
    const reference = await restored(golden, { dtype: 'F32', change: asBf16 });
    const packed = await restored(golden, { dtype: 'BF16', files: 3 });
    expectFrom(packed, await runGoldenStep(runtime, reference));
    expectWithin(golden, await compareWithGolden(packed, await runGoldenStep(runtime, packed)), SAME);
  });

  test('int8 gives what its dequantised numbers give in f32', async () => {
    const reference = await restored(golden, { dtype: 'F32', change: asInt8 });
    const folder = await restored(golden, { dtype: 'F32' });
    expectFrom(folder, await runGoldenStep(runtime, reference));
    const outcome = await runGoldenStep(runtime, folder, {}, { precision: 'int8' });
    expectWithin(golden, await compareWithGolden(folder, outcome), SAME);
  });

  test.each([
    ['bf16', { dtype: 'BF16' }, {}, ROUNDED.bf16],
    ['int8', { dtype: 'F32' }, { precision: 'int8' }, ROUNDED.int8],
  ] as const)(
    '%s stays near what f32 gives, and recomputing layers changes no bit',
    async (_, stored, bases, limits) => {
      const folder = await restored(golden, stored);
      const kept = await runGoldenStep(runtime, folder, {}, bases);
      expectWithin(golden, await compareWithGolden(join(HERE, golden), kept), limits);
      const recomputed = await runGoldenStep(runtime, folder, { checkpointing: true }, bases);
      expect(recomputed.report).toEqual(kept.report);
      const trained = ({ tensors }: StepOutcome) => tensors.filter(({ name }) => /^(grad|final)\./.test(name));
      expect(trained(recomputed)).toEqual(trained(kept));
    },
  );

  test.each([5, 24])('shards of %i rows give what the golden folder says', async (shardRows) => {
    const folder = join(HERE, golden);
    const outcome = await runGoldenStep(runtime, folder, {}, { shardRows });
    expectWithin(golden, await compareWithGolden(folder, outcome), LIMITS);
  });
});

/** As embedding models are saved: without a head, and without what tells the body from it. */
const asBody = (name: string) => (name.startsWith('lm_head.') ? undefined : name.replace(/^model\./, ''));

test.each([
  ['Qwen3’s, tied, as both models', 'reference-steps/qwen3-lora', asBody],
  [
    'Qwen2’s as the retriever',
    'steps/two-bases',
    (name: string, base: string) => (base === 'retriever_base' ? asBody(name) : name),
  ],
])('an embedding model (%s) is trained as the golden folder says', async (_what, golden, rename) => {
  const folder = await restored(golden, { dtype: 'F32', rename });
  expectWithin(golden, await compareWithGolden(join(HERE, golden), await runGoldenStep(runtime, folder)), LIMITS);
});

test.each(['steps/llama-sharp-temperature', 'reference-steps/full-curve'])(
  '%s in the shards that small limits ask for, trained or frozen',
  async (golden) => {
    const limits = { ...limitsOf(runtime), maxStorageBufferBindingSize: 2048, maxBufferSize: 4096 };
    const small = vi.spyOn(runtime.gpu, 'limits', 'get').mockReturnValue(limits);
    const dispatched = vi.spyOn(runtime.recorder, 'dispatch');
    try {
      const folder = join(HERE, golden);
      const outcome = await runGoldenStep(runtime, folder);
      expectWithin(golden, await compareWithGolden(folder, outcome), LIMITS);
      // Rows of a shard other than the first were looked up.
      const lookedUp = dispatched.mock.calls.filter(([{ kernel }]) => kernel === 'embedding/forward');
      expect(lookedUp.some(([{ params }]) => params['firstRow']! > 0)).toBe(true);
    } finally {
      small.mockRestore();
      dispatched.mockRestore();
    }
  },
);
