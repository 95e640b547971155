import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import { openWeights } from '../../src/files/models/weightFile.ts';
import type { StepOutcome, StepReport } from '../../src/cli/commands/step.ts';

/** The largest deviations of a step from a golden folder, each in the measure its limit is given in. */
export interface Deviations {
  /** Relative: loss, ntpLoss, isolatedLoss, gradNorm. */
  losses: number;
  /** Absolute, S and A. */
  matrices: number;
  /** Absolute, nats: loss of each token. */
  tokenLosses: number;
  /** Relative L2 of each gradient tensor. */
  gradients: number;
  worstGradient: string;
  /** Relative L2 of embeddings, keys, values, attention outputs, final parameters. */
  others: number;
  worstOther: string;
  /** Relative, each step of the curve; 0 without a curve. */
  curve: number;
}

/** What float32 may deviate by (issue of the main job): a tenth of these is usual. */
export const LIMITS = {
  losses: 5e-6,
  matrices: 1e-5,
  tokenLosses: 5e-5,
  gradients: 1e-4,
  others: 5e-5,
  curve: 5e-5,
} as const;

/** Gradients that are zero in the golden (a one-hot A) are compared by their length, against this scale. */
const ZERO_GRADIENT = 1e-7;

/** Compares an outcome with a folder's expected.json and expected.safetensors. @throws Error when a name is missing or extra. */
export async function compareWithGolden(folder: string, { report, tensors }: StepOutcome): Promise<Deviations> {
  const expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as StepReport;
  const file = await openWeights(folderFiles(folder), 'expected');
  const names = new Set(tensors.map(({ name }) => name));
  const missing = file.names.filter((name) => !names.has(name));
  const extra = [...names].filter((name) => !file.get(name));
  if (missing.length + extra.length > 0)
    throw new Error(`missing: ${missing.join(', ')}; not expected: ${extra.join(', ')}`);
  const result: Deviations = {
    losses: Math.max(
      ...(['loss', 'ntpLoss', 'isolatedLoss', 'gradNorm'] as const).map((key) =>
        Math.abs(report[key] / expected[key] - 1),
      ),
    ),
    matrices: Math.max(
      distance(report.similarity.flat(), expected.similarity.flat()),
      distance(report.attention.flat(), expected.attention.flat()),
    ),
    tokenLosses: Math.max(
      distance(report.ntpTokenLoss.flat(), expected.ntpTokenLoss.flat()),
      distance(report.isolatedTokenLoss.flat(), expected.isolatedTokenLoss.flat()),
    ),
    gradients: 0,
    worstGradient: '',
    others: 0,
    worstOther: '',
    curve: 0,
  };
  for (const { name, shape, data } of tensors) {
    const golden = await file.readFloats(name);
    const goldenShape = file.get(name)?.shape ?? [];
    if (shape.join() !== goldenShape.join())
      throw new Error(`${name} has shape [${shape.join()}], expected [${goldenShape.join()}].`);
    const deviation = relativeL2(data, golden);
    if (name.startsWith('grad.')) {
      if (!(deviation <= result.gradients)) [result.gradients, result.worstGradient] = [deviation, name];
    } else if (!(deviation <= result.others)) [result.others, result.worstOther] = [deviation, name];
  }
  if (expected.curve) {
    if (report.curve?.length !== expected.curve.length) throw new Error('The curve has another length.');
    result.curve = Math.max(
      ...expected.curve.map((loss, t) => Math.abs((report.curve?.[t] ?? NaN) / loss - 1)),
      ...(expected.curveGradNorm ?? []).map((norm, t) => Math.abs((report.curveGradNorm?.[t] ?? NaN) / norm - 1)),
    );
  }
  return result;
}

function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers, expected ${b.length}.`);
  return a.reduce(
    (worst, value, i) => (Math.abs(value - (b[i] ?? NaN)) <= worst ? worst : Math.abs(value - (b[i] ?? NaN))),
    0,
  );
}

function relativeL2(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let norm = 0;
  expected.forEach((value, i) => {
    difference += ((actual[i] ?? NaN) - value) ** 2;
    norm += value ** 2;
  });
  // A vanishing gradient has no direction to be relative to.
  return Math.sqrt(norm) > ZERO_GRADIENT ? Math.sqrt(difference / norm) : Math.sqrt(difference);
}
