import { create, globals } from 'webgpu';
import { openDevice, type GpuDevice, type OpenOptions } from '../../gpu/device.ts';
import { Runtime } from '../../ops/core/runtime.ts';

// Held for the life of the process: Dawn stops answering when the instance is collected.
let instance: GPU | undefined;

/** How often Dawn may look whether the GPU is done, in ms. */
const POLL_MS = 1;

/** WebGPU in Node, through Dawn. */
export function nodeGpu(): GPU {
  if (!instance) {
    Object.assign(globalThis, globals);
    waitWithoutSpinning();
    instance = create([]);
  }
  return instance;
}

/** A runtime on the machine's GPU. @throws GpuUnavailableError */
export async function openNodeRuntime(options: OpenOptions = {}): Promise<Runtime> {
  const device = await openDevice(nodeGpu(), options);
  if (openDevices.size === 0) process.once('exit', destroyDevices);
  openDevices.add(device);
  const destroy = () => {
    openDevices.delete(device);
    if (openDevices.size === 0) process.off('exit', destroyDevices);
    device.destroy();
  };
  return new Runtime({ ...device, destroy });
}

const openDevices = new Set<GpuDevice>();

/**
 * A process that ends while Dawn's threads are at work (a second Ctrl-C, an error that nobody caught) takes the memory from
 * under them and dies of a segmentation fault. Destroying a device waits for them.
 */
function destroyDevices(): void {
  for (const device of openDevices) device.destroy();
}

/**
 * While a GPU promise is pending, dawn.node asks after it in every turn of the event loop, through setImmediate: a whole
 * core spins, which a software GPU needs for the work itself (measured: half the time of a step on two cores). Its
 * callback is a native function; those, and no others, are put off by a millisecond.
 */
function waitWithoutSpinning(): void {
  const immediate = globalThis.setImmediate;
  const native = /^function [\w$]*\(\) \{ \[native code\] \}$/;
  const patient = (callback: (...args: unknown[]) => void, ...args: unknown[]) =>
    native.test(Function.prototype.toString.call(callback))
      ? setTimeout(callback, POLL_MS, ...args)
      : immediate(callback, ...args);
  globalThis.setImmediate = Object.assign(patient, immediate);
}
