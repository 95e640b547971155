import { ReportedError } from '../../base/errors.ts';
import type { GpuDevice } from '../../gpu/device.ts';
import { Runtime } from '../../ops/core/runtime.ts';
import type { Experiment } from '../assemble.ts';
import { whyNoSubgroups } from '../arithmetic.ts';
import { medianOf } from '../deviceBench/stopwatch.ts';
import { FrozenBases } from '../frozenBases.ts';
import { openRun, prepareRun, type PreparingOptions } from '../openRun.ts';
import type { PreparedRun, Recipe } from '../recipe.ts';
import {
  CHOICES,
  type Deviation,
  type MeasuredChoice,
  type PrecisionProgress,
  type PrecisionReport,
} from './report.ts';

export interface PrecisionOptions {
  /** A GPU that nothing else uses in the meantime: times are taken on it. It is the caller's, and is left as it was. */
  readonly gpu: GpuDevice;
  /** The run whose steps are compared; how it computes itself does not matter. */
  readonly recipe: Recipe;
  readonly openBases: PreparingOptions['openBases'];
  /** Steps of each that are not measured: they compile kernels, and teach the recorder how long each takes. The first shows the deviation. */
  readonly warmUp: number;
  /** Steps of each of which the median is taken. */
  readonly steps: number;
  /** Ends the measuring after the step under way. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: PrecisionProgress) => void) | undefined;
}

type Choice = (typeof CHOICES)[number];

/**
 * Compares the arithmetic that a run may have: each choice beside the usual one, two runs from the same seed on the same batches, whose
 * steps take turns. What cannot be measured is left out and said; stopped, it hands back what there is. Nothing stays on the GPU in any case.
 * @throws what preparing and computing throw
 */
export async function measurePrecision(options: PrecisionOptions): Promise<PrecisionReport> {
  const { gpu, recipe, openBases, signal, onProgress } = options;
  const runtime = new Runtime(gpu);
  const frozen = new FrozenBases();
  const measured: MeasuredChoice[] = [];
  const leftOut: string[] = [];
  const { description, vendor, architecture, software } = gpu.info;
  const others = CHOICES.slice(1);
  try {
    const why = await whyNoSubgroups(runtime);
    const prepared = await prepareRun(recipe, { openBases, signal });
    for (const [done, choice] of others.entries()) {
      onProgress?.({ done, total: others.length, now: choice.label });
      if (choice.reductions === 'subgroups' && why !== undefined) leftOut.push(`${choice.label}: ${why}`);
      else if (signal.aborted) leftOut.push(`${choice.label}: stopped.`);
      else {
        const result = await compare(runtime, frozen, prepared, choice, options).catch((cause: unknown) => {
          if (signal.aborted) return 'stopped.';
          if (cause instanceof ReportedError && cause.kind === 'diverged')
            return 'its first steps did not stay finite: a number is too large for 16 bits.';
          throw cause;
        });
        if (typeof result === 'string') leftOut.push(`${choice.label}: ${result}`);
        else measured.push(result);
      }
    }
    onProgress?.({ done: others.length, total: others.length, now: '' });
  } finally {
    frozen.forget();
    runtime.recorder.discard();
    runtime.resetScopes();
    runtime.pool.destroy();
  }
  const device = description || [vendor, architecture].filter(Boolean).join(' ') || 'GPU';
  return { device, software, holdsHalf: gpu.hasHalf, measured, leftOut };
}

async function compare(
  runtime: Runtime,
  frozen: FrozenBases,
  prepared: PreparedRun,
  choice: Choice,
  { warmUp, steps, signal }: PrecisionOptions,
): Promise<MeasuredChoice> {
  const open: Experiment[] = [];
  try {
    for (const { matmulPrecision, reductions } of [CHOICES[0] ?? choice, choice]) {
      const configuration = { ...prepared.recipe.configuration, matmulPrecision, reductions };
      const own = { ...prepared, recipe: { ...prepared.recipe, configuration } };
      open.push((await openRun(runtime, own, { signal, frozen })).experiment);
    }
    const firsts: First[] = [];
    for (const experiment of open) firsts.push(await firstStep(runtime, experiment));
    const times: [number[], number[]] = [[], []];
    for (let step = 1; step < warmUp + steps; step++)
      for (const [i, { trainer }] of open.entries()) {
        signal.throwIfAborted();
        const { stepMs } = await trainer.step();
        if (step >= warmUp) times[i]?.push(stepMs);
      }
    const [usual, found] = firsts as [First, First];
    const { matmulPrecision, reductions, label } = choice;
    const deviation = deviationOf(usual, found);
    return {
      matmulPrecision,
      reductions,
      label,
      usualMs: medianOf(times[0]),
      ms: medianOf(times[1]),
      steps,
      deviation,
    };
  } finally {
    for (const experiment of open) experiment.destroy();
    // Recorded but unsent work may still name the buffers that were just given back.
    runtime.recorder.discard();
    runtime.pool.trim();
  }
}

interface First {
  readonly loss: number;
  readonly gradientNorm: number;
  /** Of each trained tensor, by its name. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

async function firstStep(runtime: Runtime, { trainer, optimiser }: Experiment): Promise<First> {
  const reads = new Map<string, Promise<Float32Array>>();
  const { loss, gradientNorm } = await trainer.step({
    onGradients() {
      for (const { name, parameters } of optimiser.groups)
        for (const { key } of parameters.places()) {
          const { gradient } = parameters.tensor(key);
          if (gradient) reads.set(`${name}: ${key}`, runtime.read(gradient));
        }
    },
  });
  const gradients = new Map<string, Float32Array>();
  for (const [name, read] of reads) gradients.set(name, await read);
  return { loss, gradientNorm, gradients };
}

/** Gradients that are less of all than this are zero but for rounding, and so without a direction. */
const LEAST_SHARE = 1e-6;

/** How far a step is from the usual one's. */
export function deviationOf(usual: First, found: First): Deviation {
  let [gradient, worst] = [0, ''];
  for (const [name, expected] of usual.gradients) {
    const actual = found.gradients.get(name);
    let [difference, norm] = [0, 0];
    expected.forEach((value, i) => {
      difference += ((actual?.[i] ?? NaN) - value) ** 2;
      norm += value ** 2;
    });
    const relative = Math.sqrt(difference / norm);
    if (Math.sqrt(norm) > LEAST_SHARE * usual.gradientNorm && !(relative <= gradient))
      [gradient, worst] = [relative, name];
  }
  return {
    loss: Math.abs(found.loss / usual.loss - 1),
    gradientNorm: Math.abs(found.gradientNorm / usual.gradientNorm - 1),
    gradient,
    worst,
  };
}
