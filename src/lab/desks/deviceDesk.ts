import { openDevice } from '../../gpu/device.ts';
import { measureDevice } from '../../run/deviceBench/measure.ts';
import type { DeviceProgress, DeviceReport } from '../../run/deviceBench/report.ts';
import type { CommandOf } from '../door/protocol.ts';

/**
 * Measures the GPU, on a device of its own: the run that is open keeps its own, and what was measured with is given back with it. Times are
 * right only while nothing else computes, which is up to who asks.
 */
export class DeviceDesk {
  constructor(private readonly gpu: GPU | undefined) {}

  /** When stopped, what was measured until then. */
  async measure(
    { host }: CommandOf<'measureDevice'>,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (progress: DeviceProgress) => void },
  ): Promise<DeviceReport> {
    const gpu = await openDevice(this.gpu);
    try {
      return await measureDevice({ gpu, host, date: new Date(), signal, onProgress });
    } finally {
      gpu.destroy();
    }
  }
}
