import { byteText } from '../../files/formats/byteText.ts';
import type { PoolReport } from '../../gpu/pool.ts';
import type { Recorder } from '../../gpu/recorder.ts';
import { mergeTimings, type KernelTiming } from '../../gpu/timer.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { plannedRun } from '../../run/memory.ts';
import { plannedBasesOf } from '../../run/openRun.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { planMemory, type MemoryPlan } from '../../run/memoryPlan.ts';
import { tableOf } from '../../objectives/tables.ts';
import { inWords } from '../support/metrics.ts';
import { memoryTable } from '../support/memoryTable.ts';
import { gpuText, table, timeText } from '../support/reports.ts';
import { openRun, type RunSources } from '../support/openRun.ts';

export interface ModelStepOptions extends RunSources {
  readonly json: boolean;
  /** Every row as long as it may be, as the plan has it. */
  readonly fullRows: boolean;
}

/** What one step of a configuration did, with the metrics of its objective. Times in ms. */
interface ModelStepReport {
  readonly [metric: string]: unknown;
  readonly adapter: string;
  readonly gradientNorm: number;
  readonly tokens: number;
  /** The whole step on the clock, with the compiling of kernels and with every kernel timed by itself. */
  readonly stepMs: number;
  readonly compileMs: number;
  readonly flops: number;
  readonly kernels: readonly KernelTiming[];
  readonly plan: MemoryPlan;
  readonly memory: PoolReport;
}

/** One training step of a configuration, each kernel timed by itself (which makes the step itself slower). */
export async function modelStep(
  configuration: Configuration,
  options: ModelStepOptions,
  signal: AbortSignal,
): Promise<void> {
  const { fullRows } = options;
  const run = await openRun(configuration, options, { signal, fullRows });
  try {
    const { runtime, experiment } = run;
    const { longestRow } = run.prepared.corpus;
    const plan = await planMemory(plannedRun(configuration, plannedBasesOf(run.prepared), longestRow), runtime.gpu);
    const compiling = compileClock(runtime.recorder);
    const timings = collectTimings(runtime);
    const result = await experiment.trainer.step();
    const kernels = mergeTimings(timings);
    const report: ModelStepReport = {
      adapter: gpuText(runtime),
      ...result.metrics,
      gradientNorm: result.gradientNorm,
      tokens: result.tokens,
      stepMs: result.stepMs,
      compileMs: compiling(),
      flops: kernels.reduce((sum, { flops }) => sum + flops, 0),
      kernels,
      plan,
      memory: result.memory,
    };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(report)}\n`
        : reportText(report, inWords(tableOf(configuration).stepMetrics, report)),
    );
  } finally {
    run.destroy();
  }
}

/** Adds up the time in which kernels are compiled. */
function compileClock(recorder: Recorder): () => number {
  let total = 0;
  let since: number | undefined;
  const before = recorder.onCompile;
  recorder.onCompile = (done, all) => {
    before?.(done, all);
    since ??= performance.now();
    if (done < all) return;
    total += performance.now() - since;
    since = undefined;
  };
  return () => total;
}

/** Times every kernel from here on. A step may flush more than once; estimates, where there are no timestamps, are left out. */
function collectTimings({ recorder, gpu }: Runtime): KernelTiming[] {
  const timings: KernelTiming[] = [];
  recorder.profile = true;
  recorder.onProfile = (found) => {
    if (gpu.hasTimestamps) timings.push(...found);
  };
  return timings;
}

function reportText(report: ModelStepReport, metrics: string): string {
  const { kernels, stepMs, compileMs, tokens, plan, memory } = report;
  const gpuMs = kernels.reduce((sum, { ms }) => sum + ms, 0);
  return [
    `One step on ${report.adapter}, ${tokens} tokens\n`,
    `${metrics}  |g| ${report.gradientNorm.toFixed(4)}\n`,
    `${timeText(stepMs)} in all, ${timeText(compileMs)} of it for compiling; `,
    kernels.length === 0
      ? 'this adapter has no timestamps, so there are no times by kernel\n'
      : `${timeText(gpuMs)} in kernels, each timed by itself\n\n${kernelTable(kernels, gpuMs)}`,
    `\n${memoryTable(plan, memory)}`,
    `The plan is for full rows; on the GPU are ${byteText(memory.total)}, with what is kept for reuse.\n`,
  ].join('');
}

function kernelTable(kernels: readonly KernelTiming[], gpuMs: number): string {
  return table([
    ['kernel', 'calls', 'ms', 'share', 'GFLOP', 'GFLOP/s', 'GB/s'],
    ...kernels.map(({ kernel, calls, ms, flops, bytes }) => [
      kernel,
      String(calls),
      ms.toFixed(2),
      `${((100 * ms) / Math.max(gpuMs, 1e-9)).toFixed(1)} %`,
      (flops / 1e9).toFixed(3),
      rate(flops, ms),
      rate(bytes, ms),
    ]),
  ]);
}

/** Billions a second. */
function rate(amount: number, ms: number): string {
  return ms > 0 ? (amount / ms / 1e6).toFixed(2) : '–';
}
