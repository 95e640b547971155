import { group } from 'd3';
import { ReportedError } from '../../base/errors.ts';
import type { GpuDevice } from '../../gpu/device.ts';
import { Runtime } from '../../ops/core/runtime.ts';
import { FrozenBases } from '../frozenBases.ts';
import { withFullRows } from '../fullRows.ts';
import { openRun, prepareRun, type PreparingOptions } from '../openRun.ts';
import type { Recipe } from '../recipe.ts';
import { fitPower } from './fit.ts';
import type { GridPoint } from './grid.ts';
import { QUANTITIES, type Omission, type ScalingCurve, type ScalingPoint, type ScalingReport } from './report.ts';

/** How far the measuring is. */
export interface ScalingProgress {
  /** Points that are done, of all. */
  readonly done: number;
  readonly total: number;
  /** What is measured now, in words; '' at the end. */
  readonly now: string;
  /** All that is measured so far. */
  readonly report: ScalingReport;
}

export interface ScalingOptions {
  /** A GPU that nothing else uses in the meantime: times are taken on it. It is the caller's, and is left as it was. */
  readonly gpu: GpuDevice;
  /** What a run at hand is made from: its text, and its settings where the grid changes none. */
  readonly recipe: Recipe;
  readonly openBases: PreparingOptions['openBases'];
  /** Steps that are not measured: they compile kernels, and teach the recorder how long each takes. */
  readonly warmUp: number;
  /** Steps of which the median is taken. */
  readonly steps: number;
  /** Ends the measuring after the step under way. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ScalingProgress) => void;
}

/**
 * Measures training steps over a grid of configurations, one after the other, every row of a batch as long as it may be. What cannot
 * be measured (too much memory, settings that do not go together) is left out and said. When stopped it hands back what there is;
 * nothing of it stays on the GPU in any case.
 * @throws what preparing and computing throw, but for what is left out.
 */
export async function measureScaling(grid: readonly GridPoint[], options: ScalingOptions): Promise<ScalingReport> {
  const { gpu, signal, onProgress } = options;
  const runtime = new Runtime(gpu);
  const frozen = new FrozenBases();
  const measured = new Map<GridPoint, ScalingPoint | Omission>();
  const tell = (now: string): void =>
    onProgress?.({ done: measured.size, total: grid.length, now, report: reportOf(grid, measured, options) });
  try {
    for (const point of grid) {
      if (signal.aborted) break;
      tell(`${point.method.label}, ${point.axis} ${point.value}`);
      try {
        measured.set(point, await measurePoint(runtime, frozen, point, options));
      } catch (cause) {
        if (signal.aborted && isStop(cause)) break;
        if (!isLeftOut(cause)) throw cause;
        measured.set(point, { value: point.value, why: cause.message });
      }
    }
  } finally {
    frozen.forget();
    runtime.recorder.discard();
    runtime.pool.trim();
  }
  tell('');
  return reportOf(grid, measured, options);
}

/** Trouble with one configuration, which says nothing of the others. */
function isLeftOut(cause: unknown): cause is ReportedError {
  return cause instanceof ReportedError && ['badSetting', 'badInput', 'outOfMemory'].includes(cause.kind);
}

function isStop(cause: unknown): boolean {
  return (
    (cause instanceof ReportedError && cause.kind === 'stopped') ||
    (cause instanceof Error && (cause.name === 'AbortError' || (cause as { code?: unknown }).code === 'aborted'))
  );
}

async function measurePoint(
  runtime: Runtime,
  frozen: FrozenBases,
  { configuration, value }: GridPoint,
  { recipe, openBases, warmUp, steps, signal }: ScalingOptions,
): Promise<ScalingPoint> {
  if (configuration instanceof Error) throw configuration;
  const prepared = withFullRows(await prepareRun({ ...recipe, configuration }, { openBases, signal }));
  const { experiment } = await openRun(runtime, prepared, { signal, frozen });
  try {
    const { trainer } = experiment;
    for (let step = 0; step < warmUp; step++) {
      signal.throwIfAborted();
      await trainer.step();
    }
    const times: number[] = [];
    let [peakBytes, workingBytes, flops, tokens] = [0, 0, 0, 0];
    for (let step = 0; step < steps; step++) {
      signal.throwIfAborted();
      const result = await trainer.step();
      const { live, peakTotal } = result.memory;
      const stays = Object.values(live).reduce((sum, bytes) => sum + bytes, 0);
      times.push(result.stepMs);
      peakBytes = Math.max(peakBytes, peakTotal);
      workingBytes = Math.max(workingBytes, peakTotal - stays);
      flops = Math.max(flops, result.flops);
      ({ tokens } = result);
    }
    times.sort((a, b) => a - b);
    const range = [times[0] ?? NaN, times.at(-1) ?? NaN] as const;
    return { value, stepMs: medianOf(times), range, peakBytes, workingBytes, flops, tokens };
  } finally {
    experiment.destroy();
    // Recorded but unsent work may still name the buffers that were just given back.
    runtime.recorder.discard();
    runtime.pool.trim();
  }
}

/** @param sorted ascending. */
function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

function reportOf(
  grid: readonly GridPoint[],
  measured: ReadonlyMap<GridPoint, ScalingPoint | Omission>,
  { gpu, recipe, warmUp, steps }: ScalingOptions,
): ScalingReport {
  const { description, vendor, architecture, software } = gpu.info;
  const device = description || [vendor, architecture].filter(Boolean).join(' ') || 'GPU';
  const lines = group(grid, ({ method, axis }) => `${axis} ${method.id}`);
  const curves = [...lines.values()].map((along) => curveOf(along, measured));
  return { device, software, configuration: recipe.configuration, warmUp, steps, curves };
}

function curveOf(along: readonly GridPoint[], measured: ReadonlyMap<GridPoint, ScalingPoint | Omission>): ScalingCurve {
  const [first] = along;
  if (!first) throw new Error('A curve has at least one point.');
  const { method, axis } = first;
  const all = along.flatMap((point) => measured.get(point) ?? []);
  const points = all.filter((one): one is ScalingPoint => 'stepMs' in one);
  const omissions = all.filter((one): one is Omission => 'why' in one);
  const fits = Object.fromEntries(
    QUANTITIES.map((quantity) => [quantity, fitPower(points.map((point) => [point.value, point[quantity]]))]),
  ) as Record<(typeof QUANTITIES)[number], ReturnType<typeof fitPower>>;
  return { method: method.id, label: method.label, axis, claim: method.claims[axis], points, omissions, fits };
}
