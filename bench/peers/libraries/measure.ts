import type { Job } from './contender.ts';

/** What one contender took for one piece of work. */
export interface Measured {
  readonly name: string;
  /** Median over the rounds, of one time, ms. */
  readonly ms: number;
  /** Times in a row that a measurement is the mean of. */
  readonly times: number;
  /** Median over the rounds of its time by that of the first contender in the same round. */
  readonly ratio: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** A measurement repeats the work until it takes about so long, ms. */
  readonly targetMs: number;
}

/**
 * Times jobs in turn, A B C A B C …, backwards in every second round, so that whatever else the machine does meets all alike.
 * Each runs twice beforehand, to compile and to tell how often to repeat it.
 */
export async function measureInTurn(
  jobs: readonly { readonly name: string; readonly job: Job }[],
  { rounds, targetMs }: MeasureOptions,
): Promise<Measured[]> {
  const plans: { name: string; job: Job; times: number; samples: number[] }[] = [];
  for (const { name, job } of jobs) {
    await job.run(1);
    const once = await timed(job, 1);
    plans.push({ name, job, times: Math.max(1, Math.min(200, Math.round(targetMs / once))), samples: [] });
  }
  for (let round = 0; round < rounds; round++)
    for (const { job, times, samples } of round % 2 === 0 ? plans : plans.toReversed())
      samples.push((await timed(job, times)) / times);
  const first = plans[0]?.samples ?? [];
  return plans.map(({ name, times, samples }) => ({
    name,
    times,
    ms: median(samples),
    ratio: median(samples.map((ms, i) => ms / (first[i] ?? NaN))),
  }));
}

async function timed(job: Job, times: number): Promise<number> {
  const started = performance.now();
  await job.run(times);
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}
