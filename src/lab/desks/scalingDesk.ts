import { openDevice } from '../../gpu/device.ts';
import { openBoth } from '../../run/pretrained.ts';
import { scalingGrid, USUAL_VALUES } from '../../run/scaling/grid.ts';
import { measureScaling, type ScalingProgress } from '../../run/scaling/measure.ts';
import type { ScalingReport } from '../../run/scaling/report.ts';
import { configure } from '../../settings/configuration.ts';
import type { CommandOf } from '../door/protocol.ts';
import type { ModelDesk } from './modelDesk.ts';

/** Steps of a point that are measured, after so many that are not. */
const STEPS = 5;
const WARM_UP = 2;

/**
 * Measures what training steps cost, on a device of its own: the run that is open keeps its own, and what was measured with is given
 * back with it. Times are right only while nothing else computes, which is up to who asks.
 */
export class ScalingDesk {
  constructor(
    private readonly gpu: GPU | undefined,
    private readonly models: ModelDesk,
  ) {}

  /** When stopped, what was measured until then. */
  async measure(
    { configuration: asked, axes, text, title }: CommandOf<'measureScaling'>,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (progress: ScalingProgress) => void },
  ): Promise<ScalingReport> {
    const configuration = configure({ ...asked });
    const gpu = await openDevice(this.gpu);
    try {
      const usual = USUAL_VALUES[gpu.info.software ? 'software' : 'gpu'];
      const values = Object.fromEntries(axes.map((axis) => [axis, usual[axis]]));
      return await measureScaling(scalingGrid(configuration, values), {
        gpu,
        recipe: { configuration, text, title },
        openBases: (one) => openBoth(one, (name, setting) => this.models.openFor(setting, name)),
        steps: STEPS,
        warmUp: WARM_UP,
        signal,
        onProgress,
      });
    } finally {
      gpu.destroy();
    }
  }
}
