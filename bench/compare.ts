import type { MeasuredRuntime } from './measuredRuntime.ts';

/** One of several ways to do a piece of work. */
export interface Variant {
  readonly name: string;
  /**
   * Records the work `times` times, in one or more phases: each name yielded ends a phase, which then runs and is timed
   * by itself. Memory is given back after the last yield.
   */
  readonly phases: (times: number) => Iterable<string>;
}

/** Of one phase, per repetition. */
export interface Measurement {
  /** Median of the rounds. */
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

export interface CompareOptions {
  readonly signal: AbortSignal;
  /** Measurements of each variant. */
  readonly rounds: number;
  /** The work is repeated until a measurement takes about so long, */
  readonly targetMs: number;
  /** but not more often than this. */
  readonly mostRepetitions: number;
  /** A variant whose rounds would take longer than this has fewer, but one at least, ms. Default: no limit. */
  readonly budgetMs?: number;
}

/** Measurements by variant, then by phase. */
export type Comparison = ReadonlyMap<string, ReadonlyMap<string, Measurement>>;

/**
 * Times variants in turn, A B A B …, so that whatever else the machine does meets all of them alike and their ratios hold.
 * Each runs beforehand, to compile and to tell how often to repeat.
 */
export async function compare(
  runtime: MeasuredRuntime,
  variants: readonly Variant[],
  options: CompareOptions,
): Promise<Comparison> {
  const { signal, rounds, targetMs, mostRepetitions, budgetMs = Infinity } = options;
  const plans: { variant: Variant; times: number; rounds: number; samples: Map<string, Measurement[]> }[] = [];
  for (const variant of variants) {
    signal.throwIfAborted();
    let once = sum(await runPhases(runtime, variant, 1));
    // Wall time includes the first submits' preparations; timestamps do not.
    if (!runtime.gpu.hasTimestamps) once = sum(await runPhases(runtime, variant, 1));
    const times = Math.max(1, Math.min(mostRepetitions, Math.round(targetMs / Math.max(once, 1e-3))));
    const affordable = Math.max(1, Math.min(rounds, Math.floor(budgetMs / (once * times))));
    plans.push({ variant, times, rounds: affordable, samples: new Map() });
  }
  for (let round = 0; round < rounds; round++)
    for (const { variant, times, rounds: own, samples } of plans) {
      if (round >= own) continue;
      signal.throwIfAborted();
      for (const [phase, measured] of await runPhases(runtime, variant, times))
        samples.set(phase, [...(samples.get(phase) ?? []), measured]);
    }
  return new Map(
    plans.map(({ variant, samples }) => [
      variant.name,
      new Map([...samples].map(([phase, all]) => [phase, { ...first(all), ms: median(all.map(({ ms }) => ms)) }])),
    ]),
  );
}

/** A phase of a comparison that must be there. */
export function phaseOf(comparison: Comparison, variant: string, phase: string): Measurement {
  const measured = comparison.get(variant)?.get(phase);
  if (!measured) throw new Error(`${variant} has no phase ${phase}: this is a bug.`);
  return measured;
}

/** The middle one, or the mean of the two in the middle. @throws Error for no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error('There is no median of no values.');
  return (low + high) / 2;
}

async function runPhases(
  runtime: MeasuredRuntime,
  { phases }: Variant,
  times: number,
): Promise<Map<string, Measurement>> {
  const result = new Map<string, Measurement>();
  // Whatever was recorded before (uploads of the inputs) is no part of the measurement.
  await runtime.recorder.flush();
  runtime.takeWork();
  runtime.recorder.profile = runtime.gpu.hasTimestamps;
  try {
    for (const phase of phases(times)) {
      await runtime.recorder.flush();
      const { ms, flops, bytes } = runtime.takeWork();
      result.set(phase, { ms: ms / times, flops: flops / times, bytes: bytes / times });
    }
  } finally {
    runtime.recorder.profile = false;
  }
  return result;
}

function sum(measured: ReadonlyMap<string, Measurement>): number {
  return [...measured.values()].reduce((total, { ms }) => total + ms, 0);
}

function first<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined) throw new Error('A phase was never measured: this is a bug.');
  return value;
}
