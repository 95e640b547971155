import type { Runtime } from '../../ops/core/runtime.ts';

/** How a piece of work is timed. */
export interface Timing {
  /** It is repeated until a measurement takes about so long, but not more often than `most`. */
  readonly targetMs: number;
  readonly most: number;
  /** Measurements of which the median is taken. */
  readonly rounds: number;
  /** What a measurement costs without any work; taken off. */
  readonly roundTripMs: number;
  readonly signal: AbortSignal;
}

/**
 * Time of `record`ed work, ms: the median of some measurements, each of as many repetitions as make it long against the wait for its
 * answer. By the wall clock, since browsers round timestamps to 0.1 ms and not all GPUs have them.
 */
export async function timeOf(runtime: Runtime, record: () => void, timing: Timing): Promise<number> {
  const { targetMs, most, rounds, roundTripMs, signal } = timing;
  await measured(runtime, record, 1);
  const once = (await measured(runtime, record, 1)) - roundTripMs;
  const times = Math.max(1, Math.min(most, Math.round(targetMs / Math.max(once, targetMs / most))));
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    signal.throwIfAborted();
    all.push(((await measured(runtime, record, times)) - roundTripMs) / times);
  }
  // A clock is coarse: what took no time that it could tell took as much as it can tell.
  return Math.max(medianOf(all), 1e-3 / times);
}

/** Wall time from sending to the answer, ms. */
async function measured(runtime: Runtime, record: () => void, times: number): Promise<number> {
  await runtime.recorder.flush();
  for (let i = 0; i < times; i++) record();
  const started = performance.now();
  await runtime.recorder.flush();
  return performance.now() - started;
}

/** @throws Error for no values */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new Error('There is no median of no values.');
  return (low + high) / 2;
}

/** What `record` computes and moves by the ops' own counts. Runs it once. */
export async function workOf(runtime: Runtime, record: () => void): Promise<{ flops: number; bytes: number }> {
  const before = runtime.recorder.counts;
  record();
  await runtime.recorder.flush();
  const after = runtime.recorder.counts;
  return { flops: after.flops - before.flops, bytes: after.bytes - before.bytes };
}
