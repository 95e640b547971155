import { Runtime } from '../../ops/core/runtime.ts';
import { CHAINS, multiplyAdd } from '../../ops/devicePeak.ts';
import { lowerMedian } from './fastest.ts';

/** Time that so many workgroups take with so many rounds of multiply-adds each, ms. */
export type TimeWorkgroups = (groups: number, rounds: number) => Promise<number>;

export interface FillingOptions {
  readonly time: TimeWorkgroups;
  /** One workgroup alone takes no less, ms: as much as the clock needs. */
  readonly leastMs: number;
  /** Whether so many ms more may be spent. */
  readonly mayTake: (ms: number) => boolean;
}

/** Measurements of each number of workgroups; the middle one counts. */
const ROUNDS = 3;
/** A device is full once twice as many workgroups, twice, do less than so many times as much a millisecond. */
const GROWTH = 1.15;
const FULL_AFTER = 2;
/** More are not tried: the largest GPUs run some hundreds of workgroups at once. */
const MOST_GROUPS = 4096;
/** Multiply-adds of a thread to begin with, and at most. */
const FIRST_ROUNDS = 64;
const MOST_ROUNDS = 2 ** 20;

/**
 * How many workgroups keep a device busy: how many times as much as one alone it does, once more of them do not help. That is known of no
 * device beforehand: WebGPU tells no number of cores. Undefined where there was no time for that.
 */
export async function fillingWorkgroups({ time, leastMs, mayTake }: FillingOptions): Promise<number | undefined> {
  const middle = async (groups: number, rounds: number): Promise<number | undefined> => {
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      if (!mayTake(0)) return undefined;
      times.push(await time(groups, rounds));
    }
    return lowerMedian(times);
  };

  let rounds = FIRST_ROUNDS;
  if (!mayTake(0)) return undefined;
  for (let once = await time(1, rounds); once < leastMs && rounds < MOST_ROUNDS; once = await time(1, rounds)) {
    if (!mayTake(0)) return undefined;
    // Slowly, since what was just measured may hold more waiting than work.
    rounds = Math.min(MOST_ROUNDS, Math.ceil(rounds * Math.min(8, Math.max(1.5, leastMs / Math.max(once, 1e-3)))));
  }
  // What a measurement takes without any work.
  const nothing = await middle(1, 0);
  if (nothing === undefined) return undefined;
  const rateOf = (of: number, ms: number): number => of / Math.max(ms - nothing, 1e-3);
  let [alone, most, groups] = [0, 0, 1];
  for (let full = 0; groups <= MOST_GROUPS && full < FULL_AFTER; groups *= 2) {
    const ms = await middle(groups, rounds);
    if (ms === undefined) return undefined;
    const rate = rateOf(groups, ms);
    if (groups === 1) alone = rate;
    full = rate < GROWTH * most ? full + 1 : 0;
    most = Math.max(most, rate);
  }
  // Many times as many as there are cores: few would leave some of them idle at the end.
  groups *= 2;
  if (!mayTake(0)) return undefined;
  most = Math.max(most, rateOf(groups, await time(groups, rounds)));
  return Math.max(1, Math.round(most / alone));
}

/** Threads of a workgroup of devicePeak/fma. */
const THREADS = 256;
/** Until the recorder knows how long they take. */
const MOST_TRIES = 12;
/** As much as a GPU's own clock needs, ms: browsers round it to 0.1 ms; and what is measured along the way to it and back. */
const LEAST_BY_CLOCK_MS = 1;
const LEAST_BY_WALL_MS = 4;

/**
 * The same of the device of `runtime`, of which nothing is touched or changed, by the kernel that multiplies and adds in registers alone.
 * @throws the GPU's errors
 */
export async function measureWorkgroups(
  runtime: Runtime,
  mayTake: FillingOptions['mayTake'],
): Promise<number | undefined> {
  const own = new Runtime(runtime.gpu, runtime);
  const { gpu, recorder } = own;
  recorder.clock = true;
  own.beginScope();
  try {
    const seeds = own.fromArray(
      Float32Array.from({ length: CHAINS }, (_, i) => i / CHAINS),
      [CHAINS],
    );
    const factors = own.fromArray(Float32Array.of(0.75, 0.25, 0, 0), [4]);
    return await fillingWorkgroups({
      leastMs: gpu.hasTimestamps ? LEAST_BY_CLOCK_MS : LEAST_BY_WALL_MS,
      mayTake,
      time: async (groups, rounds) => {
        const out = own.tensor([THREADS * groups]);
        for (let tries = 1; ; tries++) {
          const before = recorder.counts;
          multiplyAdd(own, { seeds, factors, out, rounds });
          const { dispatches, passMs, gpuMs } = await recorder.flush();
          const ms = passMs ?? gpuMs;
          // What is sent in pieces is computed one piece after the other: the recorder learns that it need not.
          recorder.budget.observeKernel('devicePeak/fma', recorder.counts.flops - before.flops, ms);
          if (dispatches === 1 || tries === MOST_TRIES || !mayTake(0)) return ms;
        }
      },
    });
  } finally {
    own.close();
  }
}
