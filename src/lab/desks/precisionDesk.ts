import { openDevice } from '../../gpu/device.ts';
import { openBoth } from '../../run/pretrained.ts';
import { measurePrecision } from '../../run/precision/measure.ts';
import type { PrecisionProgress, PrecisionReport } from '../../run/precision/report.ts';
import { configure } from '../../settings/configuration.ts';
import type { CommandOf } from '../door/protocol.ts';
import type { ModelDesk } from './modelDesk.ts';

/** Steps of each choice that are measured, on a GPU and on a processor that pretends to be one, after so many that are not. */
const STEPS = { gpu: 15, software: 5 };
const WARM_UP = 3;

/**
 * Measures whether other arithmetic pays, on a device of its own: the run that is open keeps its own, and what was measured with is given
 * back with it. Times are right only while nothing else computes, which is up to who asks.
 */
export class PrecisionDesk {
  constructor(
    private readonly gpu: GPU | undefined,
    private readonly models: ModelDesk,
  ) {}

  /** When stopped, what was measured until then. */
  async measure(
    { configuration, text, title }: CommandOf<'measurePrecision'>,
    {
      signal,
      onProgress,
    }: { readonly signal: AbortSignal; readonly onProgress: (progress: PrecisionProgress) => void },
  ): Promise<PrecisionReport> {
    const recipe = { configuration: configure({ ...configuration }), text, title };
    const gpu = await openDevice(this.gpu);
    try {
      return await measurePrecision({
        gpu,
        recipe,
        openBases: (one) => openBoth(one, (name, setting) => this.models.openFor(setting, name)),
        warmUp: WARM_UP,
        steps: STEPS[gpu.info.software ? 'software' : 'gpu'],
        signal,
        onProgress,
      });
    } finally {
      gpu.destroy();
    }
  }
}
