import { openDevice, type GpuDevice } from '../../gpu/device.ts';
import { measureDevice } from '../../run/deviceBench/measure.ts';
import type { DeviceProgress, DeviceReport } from '../../run/deviceBench/report.ts';
import { measurePrecision } from '../../run/precision/measure.ts';
import type { PrecisionProgress, PrecisionReport } from '../../run/precision/report.ts';
import { openBoth, type Bases } from '../../run/pretrained.ts';
import { scalingGrid, USUAL_VALUES } from '../../run/scaling/grid.ts';
import { measureScaling, type ScalingProgress } from '../../run/scaling/measure.ts';
import type { ScalingReport } from '../../run/scaling/report.ts';
import { configure, type Configuration } from '../../settings/configuration.ts';
import type { CommandOf } from '../door/protocol.ts';
import type { ModelDesk } from './modelDesk.ts';

/** Steps that are measured, after so many that are not. */
const PRECISION_STEPS = { gpu: 15, software: 5, warmUp: 3 };
const SCALING_STEPS = { steps: 5, warmUp: 2 };

/** How whoever asked hears of a measurement, and ends it: what was measured until then is the answer. */
interface Asked<Progress> {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Measures the GPU and what training steps take there, on devices of their own: the run that is open keeps its own, and what was measured
 * with is given back with it. Times are right only while nothing else computes, which is up to who asks.
 */
export class MeasurementDesk {
  constructor(
    private readonly gpu: GPU | undefined,
    private readonly models: ModelDesk,
  ) {}

  /** What the GPU does at most, and what the kernels make of it. */
  device({ host }: CommandOf<'measureDevice'>, asked: Asked<DeviceProgress>): Promise<DeviceReport> {
    return this.#onOwnDevice((gpu) => measureDevice({ gpu, host, date: new Date(), ...asked }));
  }

  /** Whether other arithmetic pays. */
  precision(
    { configuration, text, title }: CommandOf<'measurePrecision'>,
    asked: Asked<PrecisionProgress>,
  ): Promise<PrecisionReport> {
    const recipe = { configuration: configure({ ...configuration }), text, title };
    const { warmUp, gpu: many, software: few } = PRECISION_STEPS;
    return this.#onOwnDevice((gpu) =>
      measurePrecision({
        gpu,
        recipe,
        openBases: this.#openBases,
        warmUp,
        steps: gpu.info.software ? few : many,
        ...asked,
      }),
    );
  }

  /** What steps cost as these settings grow. */
  scaling(
    { configuration: settings, axes, text, title }: CommandOf<'measureScaling'>,
    asked: Asked<ScalingProgress>,
  ): Promise<ScalingReport> {
    const configuration = configure({ ...settings });
    return this.#onOwnDevice((gpu) => {
      const usual = USUAL_VALUES[gpu.info.software ? 'software' : 'gpu'];
      const grid = scalingGrid(configuration, Object.fromEntries(axes.map((axis) => [axis, usual[axis]])));
      const recipe = { configuration, text, title };
      return measureScaling(grid, { gpu, recipe, openBases: this.#openBases, ...SCALING_STEPS, ...asked });
    });
  }

  readonly #openBases = (configuration: Configuration): Promise<Bases> =>
    openBoth(configuration, (name, setting) => this.models.openFor(setting, name));

  async #onOwnDevice<T>(measure: (gpu: GpuDevice) => Promise<T>): Promise<T> {
    const gpu = await openDevice(this.gpu);
    try {
      return await measure(gpu);
    } finally {
      gpu.destroy();
    }
  }
}
