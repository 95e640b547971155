import { configure, type Configuration } from '../../settings/configuration.ts';
import { SettingError } from '../../settings/setting.ts';
import { METHODS, type ScaledMethod } from './methods.ts';
import type { Axis } from './report.ts';

/** Values along each axis that is to be measured, ascending. */
export type ScalingValues = Readonly<Partial<Record<Axis, readonly number[]>>>;

/** A few octaves, as a GPU goes through in minutes; a software GPU gets the shorter ones. */
export const USUAL_VALUES: Readonly<Record<'gpu' | 'software', Readonly<Record<Axis, readonly number[]>>>> = {
  gpu: { chunks: [4, 8, 16, 32], chunkTokens: [16, 32, 64, 128], rank: [2, 8, 32, 128] },
  software: { chunks: [4, 6, 8, 12, 16], chunkTokens: [16, 32, 48, 64], rank: [2, 8, 32] },
};

/** A configuration to be measured, or why there is none. */
export interface GridPoint {
  readonly method: ScaledMethod;
  readonly axis: Axis;
  readonly value: number;
  readonly configuration: Configuration | SettingError;
}

/**
 * What all points have: weights that hardly move, so that a sharp A stays as sharp as it was, and nothing evaluated in between.
 */
const MEASURED: Readonly<Partial<Configuration>> = { learningRate: 1e-7, warmup: 0 };

/** Every configuration of the grid: along each axis one setting changes, and the others stay as they are at hand. */
export function scalingGrid(
  at: Configuration,
  values: ScalingValues,
  methods: readonly ScaledMethod[] = METHODS,
): GridPoint[] {
  const axes = Object.entries(values) as [Axis, readonly number[]][];
  return axes.flatMap(([axis, along]) =>
    methods.flatMap((method) =>
      along.map((value) => ({ method, axis, value, configuration: configured(at, method, axis, value) })),
    ),
  );
}

function configured(
  at: Configuration,
  { overrides }: ScaledMethod,
  axis: Axis,
  value: number,
): Configuration | SettingError {
  // Only adapters have a rank.
  const trained = axis === 'rank' ? ({ trained: 'lora' } as const) : {};
  try {
    return configure({ ...at, ...MEASURED, ...overrides, ...trained, [axis]: value });
  } catch (cause) {
    if (cause instanceof SettingError) return cause;
    throw cause;
  }
}
