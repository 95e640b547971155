import { create, globals } from 'webgpu';
import { openDevice, type OpenOptions } from '../gpu/device.ts';
import { Context } from '../ops/context.ts';

// Held for the life of the process: Dawn stops answering when the instance is collected.
let instance: GPU | undefined;

/** WebGPU in Node, through Dawn. */
export function nodeGpu(): GPU {
  if (!instance) {
    Object.assign(globalThis, globals);
    instance = create([]);
  }
  return instance;
}

/** A context on the machine's adapter. @throws GpuUnavailableError */
export async function openNodeContext(options: OpenOptions = {}): Promise<Context> {
  return new Context(await openDevice(nodeGpu(), options));
}
