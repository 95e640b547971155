import { spawn } from 'node:child_process';
import { appendFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openNodeRuntime } from '../../src/cli/support/nodeGpu.ts';
import { NODE_HOST } from '../../src/cli/support/tuneTiles.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { isMeasuredProduct } from '../../src/ops/core/tileChoice.ts';
import { measureDevice } from '../../src/run/deviceBench/measure.ts';
import type { DeviceReport } from '../../src/run/deviceBench/report.ts';
import { median } from '../compare.ts';
import { textOf } from '../device.ts';
import { UsageError } from '../options.ts';
import { formatBytes, formatNumber } from '../table.ts';
import { QwenStep, workFor, type MadeSteps, type StepCounts, type StepWork } from './qwenStep.ts';
import { timeBox, type TimeBox } from './timeBox.ts';
import { TORCH_DTYPES, TorchError, TorchStep, type TorchDtype } from './torchStep.ts';

const USAGE = `npm run bench -- gpu [--no-tests] [--python PATH] [--minutes N] [--out FILE]

Whether every kernel is right, what the GPU does, a step of Qwen2.5-0.5B, and the same step in PyTorch, within N minutes (default 10).
  --no-tests      leaves out whether the kernels are right (tests/ops against f64)
  --python PATH   a Python with torch, transformers and peft (handover/requirements.txt): the step there too, in turn with this engine's
  --out FILE      what is found, as it is found: one JSON object a line
`;

const USUAL_MINUTES = 10;
/** Of the time: for the tests, and of what they leave for the device's report. */
const FOR_TESTS = 0.45;
const FOR_DEVICE = 0.3;
/** The report takes no longer on a GPU, ms. */
const DEVICE_MS = 60_000;

/** Steps at the beginning that are not counted: they compile, and teach both how long things take. */
const WARM_UP = { full: 2, small: 1 } as const;
/** Both sides are measured in turn so often, so many steps each. */
const ROUNDS = 3;
const STEPS = { full: 5, small: 1 } as const;

interface Options {
  readonly tests: boolean;
  readonly python: string | undefined;
  readonly minutes: number;
  readonly out: string | undefined;
}

/** One of what the script finds, by what it is. */
interface Findings {
  readonly kernels: { readonly areRight: boolean | undefined; readonly seconds: number };
  readonly device: DeviceReport;
  readonly step: { readonly what: string; readonly times: readonly number[]; readonly loss: number } & StepCounts;
  readonly torch: {
    readonly dtype: TorchDtype;
    readonly on?: string;
    readonly times?: readonly number[];
    /** Of this engine, in turn with those. */
    readonly own?: readonly number[];
    readonly loss?: number;
    readonly peakBytes?: number | null;
    readonly failed?: string;
  };
}

/**
 * `npm run bench -- gpu`: all that a quarter of an hour on a GPU is good for, in this order, each part printed and written down as it is
 * done, and no part begun that there is no time for.
 * @returns the exit code: 1 where a kernel is wrong
 */
export async function benchGpu(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { tests, python, minutes, out } = optionsOf(args);
  const time = timeBox(60_000 * minutes, signal);
  const left = (): number => time.until - performance.now();
  if (out !== undefined) await writeFile(out, '');
  const note = async <T extends keyof Findings>(what: T, finding: Findings[T]): Promise<void> => {
    if (out !== undefined) await appendFile(out, `${JSON.stringify({ [what]: finding })}\n`);
  };
  let code = 0;
  if (tests) {
    const started = performance.now();
    const forTests = timeBox(FOR_TESTS * left(), time.signal);
    const areRight = await testKernels(forTests);
    forTests.close();
    const seconds = (performance.now() - started) / 1000;
    if (areRight === false) say('Some kernels are wrong on this GPU: times below are of wrong results.');
    if (areRight === undefined)
      say(`After ${formatNumber(seconds)} s the tests were stopped: not all kernels were tried.`);
    await note('kernels', { areRight, seconds });
    code = areRight === false ? 1 : 0;
  }
  const report = await reportOf(FOR_DEVICE * left(), time.signal);
  say(textOf(report));
  say(JSON.stringify(report));
  await note('device', report);
  signal.throwIfAborted();
  // A step under way cannot be ended: it is left to itself then, and to the end of this process.
  const over = new Promise<void>((resolve) => time.signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([steps(report, { python, time, note }), over]);
  time.close();
  signal.throwIfAborted();
  if (left() <= 0) say(`${minutes} minutes are over: what is missing was left out.`);
  return code;
}

function optionsOf(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        'no-tests': { type: 'boolean' },
        python: { type: 'string' },
        minutes: { type: 'string' },
        out: { type: 'string' },
      },
    });
    const minutes = Number(values.minutes ?? USUAL_MINUTES);
    if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}.`);
    return { tests: values['no-tests'] !== true, python: values.python, minutes, out: values.out };
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${USAGE}`);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The ops' own tests, on the GPU that this process found. Undefined where their time was over before they were. */
async function testKernels({ signal, until }: TimeBox): Promise<boolean | undefined> {
  // Tests take a software GPU unless they are told not to.
  const env = { ...process.env, REVELA_GPU: process.env.REVELA_GPU || 'installed' };
  // None fails for being slow: a software GPU may take minutes to compile a kernel that was written for real ones.
  const patience = `--testTimeout=${Math.ceil(until - performance.now())}`;
  // A group of its own, to be ended with all that it starts.
  const child = spawn(process.execPath, ['scripts/test.mjs', 'tests/ops', patience], {
    stdio: 'inherit',
    detached: true,
    env,
  });
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => resolve(signal.aborted ? undefined : code === 0));
    });
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function reportOf(time: number, signal: AbortSignal): Promise<DeviceReport> {
  const runtime = await openNodeRuntime();
  const mostMs = runtime.gpu.info.software ? time : Math.min(DEVICE_MS, time);
  try {
    return await measureDevice({ gpu: runtime.gpu, host: NODE_HOST, date: new Date(), signal, mostMs });
  } finally {
    runtime.destroy();
  }
}

interface StepOptions {
  readonly python: string | undefined;
  readonly time: TimeBox;
  readonly note: <T extends keyof Findings>(what: T, finding: Findings[T]) => Promise<void>;
}

/** A step of Qwen2.5-0.5B here, with the tiles that the report found, then in turn with PyTorch. */
async function steps(report: DeviceReport, options: StepOptions): Promise<void> {
  const { python, time, note } = options;
  const { signal } = time;
  const runtime = await openNodeRuntime();
  const { software } = runtime.gpu.info;
  const { work, run } = workFor(software);
  takeTiles(runtime, report);
  const size = software ? 'small' : 'full';
  const [warmUp, count] = [WARM_UP[size], STEPS[size]];
  try {
    const own = await QwenStep.open(runtime, run);
    try {
      await own.make(warmUp, signal);
      const { times, loss, counts } = await own.make(ROUNDS * count, signal);
      say(stepText(work, times, loss, counts));
      await note('step', { what: work.title, times, loss, ...counts });
      if (python === undefined) return;
      for (const dtype of software ? TORCH_DTYPES.slice(0, 1) : TORCH_DTYPES) {
        const found = await besideTorch({ python, dtype, work, own, count, time });
        say(torchText(found));
        await note('torch', found);
      }
    } finally {
      own.destroy();
    }
  } catch (cause) {
    // Out of time, with what there is said.
    if (!signal.aborted) throw cause;
  } finally {
    runtime.destroy();
  }
}

function takeTiles({ tiles }: Runtime, { tiles: found, workgroups }: DeviceReport): void {
  tiles.workgroups = workgroups;
  tiles.learn((found?.measured ?? []).filter(isMeasuredProduct));
}

interface Beside {
  readonly python: string;
  readonly dtype: TorchDtype;
  readonly work: StepWork;
  readonly own: QwenStep;
  readonly count: number;
  readonly time: TimeBox;
}

/** Both in turn, so that whatever else the machine does meets both; as many rounds as there is time for. */
async function besideTorch(options: Beside): Promise<Findings['torch']> {
  const { python, dtype, work, own, count } = options;
  const { signal, until } = options.time;
  let torch: TorchStep | undefined;
  const end = (): void => torch?.close();
  signal.addEventListener('abort', end, { once: true });
  const made = { own: [] as number[], times: [] as number[] };
  let last: (MadeSteps & { readonly peakBytes: number | null }) | undefined;
  let on: string | undefined;
  try {
    const opened = await TorchStep.open(python, work, dtype);
    torch = opened.step;
    on = `${opened.on.device}, torch ${opened.on.torch}, ${formatNumber(opened.on.parameters)} numbers that learn`;
    await torch.make(WARM_UP.full);
    for (let round = 0, aRound = 0; round < ROUNDS && performance.now() + aRound < until; round++) {
      const started = performance.now();
      made.own.push(...(await own.make(count, signal)).times);
      last = await torch.make(count);
      made.times.push(...last.times);
      aRound = performance.now() - started;
    }
  } catch (cause) {
    if (signal.aborted) return { dtype, failed: 'There was no time left for it.' };
    if (cause instanceof TorchError) return { dtype, ...(on !== undefined && { on }), failed: cause.message };
    throw cause;
  } finally {
    signal.removeEventListener('abort', end);
    torch?.close();
  }
  if (!last) return { dtype, failed: 'There was no time left for it.' };
  return { dtype, on, ...made, loss: last.loss, peakBytes: last.peakBytes };
}

function stepText({ title }: StepWork, times: readonly number[], loss: number, counts: StepCounts): string {
  const { flops, bytes, dispatches, tokens, peakBytes } = counts;
  const ms = median(times);
  return (
    `${title}:\n  ${formatNumber(ms)} ms a step (${times.map(formatNumber).join(', ')}), ${formatNumber(flops / ms / 1e9)} TFLOP/s, ` +
    `${formatNumber((1000 * tokens) / ms)} tokens/s, ${formatNumber(flops / 1e9)} GFLOP, ${formatNumber(bytes / 1e9)} GB, ` +
    `${formatNumber(dispatches)} dispatches, ${formatBytes(peakBytes)} at most, loss ${formatNumber(loss)}`
  );
}

function torchText({ dtype, on, times, own, loss, peakBytes, failed }: Findings['torch']): string {
  const what = `  The same in PyTorch, ${dtype}${on === undefined ? '' : ` (${on})`}: `;
  if (failed !== undefined || !times || !own) return what + (failed ?? 'nothing came of it.');
  const [theirs, ours] = [median(times), median(own)];
  return (
    `${what}${formatNumber(theirs)} ms a step (${times.map(formatNumber).join(', ')}), this engine in turn with it ${formatNumber(ours)} ms ` +
    `(${own.map(formatNumber).join(', ')}): ${formatNumber(ours / theirs)} of its time${peakBytes ? `, ${formatBytes(peakBytes)} at most` : ''}, ` +
    `loss ${formatNumber(loss ?? NaN)}`
  );
}
