import { writeSafetensors, type TensorToStore } from '../../files/formats/safetensors.ts';
import type { Observation } from '../../objectives/objective.ts';
import { revelaObjective, withLanguageModel, type RevelaBatch } from '../../objectives/revela/objective.ts';
import type { RevelaOptions } from '../../objectives/revela/revela.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { assemble, type RunParts } from '../../run/assemble.ts';
import { readGoldenBatches, readGoldenOptions, type GoldenOptions } from '../support/goldenFolder.ts';
import { loadGoldenModels, type BaseOptions } from '../support/goldenModels.ts';
import { joinShards, readTrained, WatchedStep } from '../support/watchedStep.ts';
import type { Outputs } from '../support/outputs.ts';

/** The numbers of expected.json. */
export interface StepReport {
  readonly loss: number;
  readonly ntpLoss: number;
  readonly isolatedLoss: number;
  readonly similarity: number[][];
  readonly attention: number[][];
  readonly ntpTokenLoss: number[][];
  readonly isolatedTokenLoss: number[][];
  readonly gradNorm: number;
  readonly curve?: number[];
  readonly curveGradNorm?: number[];
}

export interface StepOutcome {
  readonly report: StepReport;
  /** The tensors of expected.safetensors, under the same names. */
  readonly tensors: readonly TensorToStore[];
}

/** `step DIR --out FILE`: runs one step of a golden folder, prints its numbers and writes its tensors. */
export async function goldenStep(runtime: Runtime, folder: string, outputs: Outputs): Promise<void> {
  const { report, tensors } = await runGoldenStep(runtime, folder);
  await outputs.write('--out', () => [writeSafetensors(tensors)]);
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** Runs the step (and the curve, when the folder has an optimizer) of a golden folder, as any run is: through its trainer. */
export async function runGoldenStep(
  runtime: Runtime,
  folder: string,
  changes: Partial<RevelaOptions> = {},
  bases: BaseOptions = {},
): Promise<StepOutcome> {
  const golden = await readGoldenOptions(folder);
  const parts = await goldenParts(folder, golden);
  const { models, trained } = await loadGoldenModels(runtime, folder, golden, bases);
  const both = withLanguageModel(models);
  const watched = new WatchedStep(runtime, {
    trained,
    languageModel: both.languageModel.config,
    lengths: parts.feed.batchAt(0).tokens.lmIds.map((row) => row.length),
  });
  const options: RevelaOptions = { ...golden, checkpointing: false, ...changes };
  const run = assemble(runtime, { models, objective: revelaObjective(both, options, watched), ...parts });
  try {
    const first = await run.trainer.step(watched);
    const tensors = await watched.tensors();
    const report: StepReport = { ...reportOf(first), gradNorm: first.gradientNorm };
    if (!golden.optimizer) return { report, tensors };
    const steps = [first];
    while (steps.length < golden.optimizer.learningRates.length) steps.push(await run.trainer.step());
    const final = readTrained(runtime, trained, 'final.', (tensor) => tensor);
    await runtime.recorder.flush();
    return {
      report: {
        ...report,
        curve: steps.map(({ loss }) => loss),
        curveGradNorm: steps.map(({ gradientNorm }) => gradientNorm),
      },
      tensors: [...tensors, ...joinShards((await Promise.all(final)).flat())],
    };
  } finally {
    run.destroy();
  }
}

/** Batches, optimiser and learning rates of a golden folder; without an optimizer its one step moves nothing. */
export async function goldenParts(
  folder: string,
  { optimizer }: GoldenOptions,
): Promise<Omit<RunParts<RevelaBatch>, 'models' | 'objective'>> {
  const batches = await readGoldenBatches(folder);
  return {
    feed: {
      batchAt: (position) => {
        const tokens = batches[position % batches.length];
        if (!tokens) throw new Error('There is no batch.');
        return { tokens, labels: [] };
      },
      scored: () => [],
    },
    optimiser: {
      beta1: optimizer?.betas[0] ?? 0.9,
      beta2: optimizer?.betas[1] ?? 0.999,
      epsilon: optimizer?.eps ?? 1e-8,
      weightDecay: optimizer?.weightDecay ?? 0,
      clipNorm: optimizer?.clipNorm ?? 0,
    },
    learningRate: (step) => optimizer?.learningRates[step - 1] ?? 0,
    accumulation: 1,
  };
}

function reportOf({ loss, metrics, matrices, tokenRows }: Observation): Omit<StepReport, 'gradNorm'> {
  const matrix = (values: Float32Array = new Float32Array()) => {
    const size = Math.sqrt(values.length);
    return Array.from({ length: size }, (_, i) => Array.from(values.subarray(i * size, (i + 1) * size)));
  };
  const rows = (values: readonly Float32Array[] = []) => values.map((row) => Array.from(row));
  return {
    loss,
    ntpLoss: metrics['ntpLoss'] ?? NaN,
    isolatedLoss: metrics['isolatedLoss'] ?? NaN,
    similarity: matrix(matrices['similarity']),
    attention: matrix(matrices['attention']),
    ntpTokenLoss: rows(tokenRows['tokenLoss']),
    isolatedTokenLoss: rows(tokenRows['isolatedTokenLoss']),
  };
}
