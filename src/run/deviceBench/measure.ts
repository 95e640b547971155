import type { GpuDevice } from '../../gpu/device.ts';
import { Runtime } from '../../ops/core/runtime.ts';
import { configure } from '../../settings/configuration.ts';
import { setUpCorpus } from '../corpusSetup.ts';
import { openExperiment } from '../assemble.ts';
import { deviationFrom } from './numbers.ts';
import { measureOverhead, measurePeaks, type PeakSizes } from './peaks.ts';
import type { DeviceProgress, DeviceReport, MeasuredStep, MeasuredWork } from './report.ts';
import { compileTiles, isTunable, tune, type TuningOptions } from '../tuning/tune.ts';
import { kernelsName } from '../tuning/deviceName.ts';
import { ofOneClassEach } from '../tuning/products.ts';
import { measureWorkgroups } from '../tuning/workgroups.ts';
import { products } from './products.ts';
import { qwenShape, smallShape, type ModelShape } from './shapes.ts';
import { medianOf, timeOf, workOf, type Timing } from './stopwatch.ts';
import { worksOf, type Work } from './works.ts';

export interface DeviceBenchOptions {
  /** A GPU that nothing else uses in the meantime. It is the caller's, and is left as it was. */
  readonly gpu: GpuDevice;
  readonly host: string;
  readonly date: Date;
  /** Ends the measuring after the work under way; what there is is handed back. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: DeviceProgress) => void) | undefined;
  /** What is not begun by then is left out, ms. Default: a minute on a GPU, some more on what is none. */
  readonly mostMs?: number | undefined;
  /** Other models than the usual two (tests). */
  readonly shapes?: readonly ModelShape[] | undefined;
}

/** Part of that which is kept for the steps of a run. */
const FOR_STEPS = 0.25;
/** Part of that in which the fastest tiles are looked for. */
const FOR_TILES = 0.15;

/** A result that is further from f64 than this, relative to the largest, is wrong: f32 sums of the longest products stay far below. */
export const WORST_DEVIATION = 1e-3;

interface Sizes {
  readonly peak: PeakSizes;
  readonly timing: Pick<Timing, 'targetMs' | 'most' | 'rounds'>;
  /** Steps of a run that are measured. */
  readonly steps: number;
  /** A person waits for it. */
  readonly mostMs: number;
}

const SIZES: Readonly<Record<DeviceReport['sizes'], Sizes>> = {
  full: {
    peak: { threads: 2 ** 20, rounds: 256, copied: 128 * 2 ** 20 },
    timing: { targetMs: 40, most: 500, rounds: 5 },
    steps: 20,
    mostMs: 60_000,
  },
  // A processor that pretends to be a GPU.
  small: {
    peak: { threads: 2 ** 12, rounds: 64, copied: 32 * 2 ** 20 },
    timing: { targetMs: 20, most: 50, rounds: 3 },
    steps: 5,
    mostMs: 240_000,
  },
};

/** Steps that are not measured: they compile, and teach the recorder how long kernels take. */
const WARM_UP = 2;

/**
 * Measures a device: what it does at most, what the kernels of a training step make of that, and whole steps. Results are compared with f64
 * at some places before their time is believed: a wrong one is left out and said. Stopped, or out of time, it hands back what there is;
 * nothing of it stays on the GPU in any case.
 * @throws the GPU's errors
 */
export async function measureDevice(options: DeviceBenchOptions): Promise<DeviceReport> {
  const { gpu, host, date, signal, onProgress } = options;
  const sizes = gpu.info.software ? 'small' : 'full';
  const { peak: peakSizes, timing: timed, steps: stepCount, mostMs: usualMs } = SIZES[sizes];
  const { mostMs = usualMs } = options;
  const runtime = new Runtime(gpu);
  const started = performance.now();
  const shapes = options.shapes ?? [await smallShape(), qwenShape(sizes === 'small')];
  const works = shapes.flatMap(worksOf);
  const before = isTunable(runtime) ? 2 : 1;
  const total = works.length + before + 1;
  const tell = (done: number, now: string): void => onProgress?.({ done, total, now });
  const measured: MeasuredWork[] = [];
  const steps: MeasuredStep[] = [];
  const leftOut = shapes.flatMap(({ scaledDown }) => scaledDown ?? []);
  try {
    tell(0, 'what this device does at most');
    const overhead = await measureOverhead(runtime, timed.rounds);
    const timing: Timing = { ...timed, roundTripMs: overhead.roundTripMs, signal };
    const peak = await measurePeaks(runtime, peakSizes, timing);
    const workgroups = await measureWorkgroups(runtime, () => !signal.aborted).catch(unlessStopped(signal));
    runtime.tiles.workgroups = workgroups;
    if (before > 1) tell(1, 'which tiles are fastest');
    const tiles = await measureTiles(runtime, shapes, { mostMs: FOR_TILES * mostMs, signal }).catch(
      unlessStopped(signal),
    );
    for (const [i, work] of works.entries()) {
      const name = `${work.model}: ${work.what}`;
      if (signal.aborted) leftOut.push(`${name}: stopped.`);
      else if (performance.now() - started > (1 - FOR_STEPS) * mostMs) leftOut.push(`${name}: no time was left.`);
      else {
        tell(before + i, name);
        const result = await measureWork(runtime, work, peak, timing).catch(unlessStopped(signal));
        if (!result) leftOut.push(`${name}: stopped.`);
        else if (result.deviation <= WORST_DEVIATION) measured.push(result);
        else
          leftOut.push(`${name}: its result is wrong here (off by ${result.deviation.toPrecision(2)} of the largest).`);
      }
    }
    tell(total - 1, 'steps of the default preset');
    const step = signal.aborted
      ? undefined
      : await measureSteps(runtime, stepCount, signal).catch(unlessStopped(signal));
    if (step) steps.push(step);
    else leftOut.push('Steps of the default preset: stopped.');
    tell(total, '');
    return {
      version: 1,
      date: date.toISOString().slice(0, 10),
      host,
      adapter: { ...gpu.info },
      limits: limitsOf(gpu),
      sizes,
      ...overhead,
      peak,
      ...(workgroups !== undefined && { workgroups }),
      ...(tiles && { tiles }),
      works: measured,
      steps,
      leftOut,
    };
  } finally {
    runtime.recorder.discard();
    runtime.resetScopes();
    runtime.pool.destroy();
  }
}

/** Whoever stops it has what was measured until then. */
function unlessStopped(signal: AbortSignal): (cause: unknown) => undefined {
  return (cause) => {
    if (!signal.aborted) throw cause;
  };
}

/** Finds the fastest tiles for the products of these models, the largest first, and takes them from now on. */
async function measureTiles(
  runtime: Runtime,
  shapes: readonly ModelShape[],
  options: TuningOptions,
): Promise<DeviceReport['tiles']> {
  if (!isTunable(runtime)) return undefined;
  const wanted = ofOneClassEach(shapes.flatMap(products).sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k));
  await compileTiles(runtime, wanted, options.signal);
  const { found } = await tune(runtime, wanted, options);
  runtime.tiles.learn(found);
  return { kernels: await kernelsName(runtime.tiles.set), measured: found };
}

async function measureWork(
  runtime: Runtime,
  { make, ...named }: Work,
  peak: DeviceReport['peak'],
  timing: Timing,
): Promise<MeasuredWork> {
  runtime.beginScope();
  try {
    const { record, result, samples } = make(runtime);
    const deviation = deviationFrom(samples(), await runtime.compute(result));
    const { flops, bytes } = await workOf(runtime, record);
    const ms = await timeOf(runtime, record, timing);
    const [gflops, gbytes] = [flops / ms / 1e6, bytes / ms / 1e6];
    const share = Math.max(gflops / peak.gflops, gbytes / peak.gbytes);
    return { ...named, ms, gflops, gbytes, share, deviation };
  } finally {
    runtime.endScope();
    runtime.pool.trim();
  }
}

async function measureSteps(runtime: Runtime, count: number, signal: AbortSignal): Promise<MeasuredStep> {
  const configuration = configure({});
  const experiment = await openExperiment(runtime, configuration, await setUpCorpus(configuration));
  try {
    const times: number[] = [];
    let [tokens, flops] = [0, 0];
    for (let step = -WARM_UP; step < count; step++) {
      signal.throwIfAborted();
      const made = await experiment.trainer.step();
      if (step >= 0) times.push(made.stepMs);
      ({ tokens, flops } = made);
    }
    const ms = medianOf(times);
    return {
      what: 'a step of the default preset',
      ms,
      range: [Math.min(...times), Math.max(...times)],
      steps: count,
      tokens,
      gflops: flops / ms / 1e6,
    };
  } finally {
    experiment.destroy();
  }
}

/** Those that decide how work is cut. */
function limitsOf({ limits }: GpuDevice): DeviceReport['limits'] {
  const {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup,
  } = limits;
  return {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup,
  };
}
