import { mergeTimings } from '../src/gpu/timer.ts';
import { configure, type Configuration } from '../src/settings/configuration.ts';
import { setUpCorpus } from '../src/run/corpusSetup.ts';
import { openExperiment } from '../src/run/assemble.ts';
import type { CorpusBatch } from '../src/run/feed.ts';
import type { Runtime } from '../src/ops/core/runtime.ts';
import type { Trainer } from '../src/training/trainer.ts';
import { median } from './compare.ts';
import type { MeasuredRuntime } from './measuredRuntime.ts';
import { formatRatio, formatShare, type Column, type Row } from './table.ts';

export const STEP_COLUMNS: readonly Column[] = [
  { key: 'variant', title: 'step' },
  { key: 'ms', title: 'ms' },
  { key: 'ratio', title: 'to default', format: formatRatio },
  { key: 'tokens', title: 'tokens' },
  { key: 'tokensPerSecond', title: 'tokens/s' },
  { key: 'dispatches', title: 'dispatches' },
  { key: 'submits', title: 'submits' },
  { key: 'waits', title: 'waits' },
];

export const STEP_KERNEL_COLUMNS: readonly Column[] = [
  { key: 'kernel', title: 'kernel' },
  { key: 'calls', title: 'calls' },
  { key: 'ms', title: 'ms' },
  { key: 'gflops', title: 'GFLOP/s' },
  { key: 'gbytes', title: 'GB/s' },
  { key: 'share', title: 'share', format: formatShare },
];

/** Steps before the first measured one: they compile, and the recorder learns how long kernels take. */
const WARM_UP = 2;

interface Runner {
  readonly variant: string;
  readonly trainer: Trainer<CorpusBatch>;
  /** The batch that stays the same through a run. */
  readonly probe: CorpusBatch;
  readonly destroy: () => void;
}

/** A trainer of its own for a configuration. */
export async function makeRunner(runtime: Runtime, variant: string, configuration: Configuration): Promise<Runner> {
  const experiment = await openExperiment(runtime, configuration, await setUpCorpus(configuration));
  const { trainer, feed } = experiment;
  const [probe] = feed.scored();
  if (!probe) throw new Error('There is no batch for scores.');
  return { variant, trainer, probe, destroy: () => experiment.destroy() };
}

/** Whole updates of the default preset and of its variants, and a look at its probe, one of each in turn; medians of `rounds`. */
export async function benchSteps(
  runtime: MeasuredRuntime,
  { rounds, signal }: { rounds: number; signal: AbortSignal },
): Promise<{ steps: Row[]; kernels: Row[] }> {
  const runners = [
    await makeRunner(runtime, 'default', configure({})),
    await makeRunner(runtime, 'τ 0.0001 (sharp A)', configure({ temperature: 1e-4 })),
    await makeRunner(runtime, 'uniform control', configure({ attention: 'uniform' })),
    await makeRunner(runtime, 'checkpointing', configure({ checkpointing: true })),
  ];
  const works = [...runners.map(stepOf), ...runners.slice(0, 1).map(lookOf)];
  const samples = works.map(() => [] as Row[]);
  for (let round = -WARM_UP; round < rounds; round++)
    for (const [i, { work }] of works.entries()) {
      signal.throwIfAborted();
      runtime.takeWork();
      const { ms, tokens } = await work();
      const { dispatches, submits, waits } = runtime.takeWork();
      if (round >= 0) samples[i]?.push({ ms, tokens, dispatches, submits, waits });
    }
  const middle = (i: number, key: string): number => median((samples[i] ?? []).map((sample) => Number(sample[key])));
  const steps = works.map(({ variant }, i) => ({
    variant,
    ms: middle(i, 'ms'),
    ratio: middle(i, 'ms') / middle(0, 'ms'),
    tokens: middle(i, 'tokens'),
    tokensPerSecond: median((samples[i] ?? []).map(({ ms, tokens }) => (1000 * Number(tokens)) / Number(ms))),
    dispatches: middle(i, 'dispatches'),
    submits: middle(i, 'submits'),
    waits: middle(i, 'waits'),
  }));
  const kernels = await kernelsOf(runtime, runners[0], rounds);
  for (const runner of runners) runner.destroy();
  runtime.pool.trim();
  return { steps, kernels };
}

/** What is measured. */
interface Work {
  readonly variant: string;
  readonly work: () => Promise<{ readonly ms: number; readonly tokens: number }>;
}

function stepOf({ variant, trainer }: Runner): Work {
  return {
    variant,
    async work() {
      const { stepMs, tokens } = await trainer.step();
      return { ms: stepMs, tokens };
    },
  };
}

function lookOf({ trainer, probe }: Runner): Work {
  return {
    variant: 'a look at the probe',
    async work() {
      const started = performance.now();
      const { tokenRows } = await trainer.look(probe);
      const ms = performance.now() - started;
      // All tokens but the first of each chunk are predicted.
      return { ms, tokens: (tokenRows['tokenLoss'] ?? []).reduce((sum, { length }) => sum + length + 1, 0) };
    },
  };
}

/** Where the time of a step goes; empty where the GPU has no timestamps. */
async function kernelsOf(runtime: MeasuredRuntime, runner: Runner | undefined, rounds: number): Promise<Row[]> {
  if (!runner || !runtime.gpu.hasTimestamps) return [];
  runtime.recorder.profile = true;
  runtime.takeWork();
  for (let round = 0; round < rounds; round++) await runner.trainer.step();
  runtime.recorder.profile = false;
  const timings = mergeTimings(runtime.takeWork().timings);
  const total = timings.reduce((sum, { ms }) => sum + ms, 0);
  return timings.map(({ kernel, calls, ms, flops, bytes }) => ({
    kernel,
    calls: calls / rounds,
    ms: ms / rounds,
    // A timestamp may be coarser than a short kernel is long.
    gflops: ms > 0 ? flops / ms / 1e6 : undefined,
    gbytes: ms > 0 ? bytes / ms / 1e6 : undefined,
    share: ms / total,
  }));
}
