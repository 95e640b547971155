import { globals } from 'webgpu';

/**
 * Setup of test files that share a process (vite.config.ts): one device per set of limits serves all of them, and what it has
 * compiled stays compiled, which on a software GPU is most of what tests would wait for. Each file still opens and closes
 * its own runtime, with a pool and a recorder of its own.
 *
 * A device is never destroyed here. Tests of devices that are lost, or whose methods are replaced, run in processes of their own.
 */
const INSTALLED = Symbol.for('revela.sharedDevices');

interface Adapter {
  requestDevice: (this: GPUAdapter, descriptor?: GPUDeviceDescriptor) => Promise<GPUDevice>;
  [INSTALLED]?: true;
}

const adapter = (globals as unknown as { GPUAdapter: { prototype: Adapter } }).GPUAdapter.prototype;
// Once per process: this file is read anew before each test file.
if (!adapter[INSTALLED]) {
  adapter[INSTALLED] = true;
  const open = adapter.requestDevice;
  const devices = new Map<string, Promise<GPUDevice>>();
  adapter.requestDevice = function (descriptor) {
    const key = JSON.stringify(descriptor ?? {});
    const device = devices.get(key) ?? open.call(this, descriptor).then(share);
    devices.set(key, device);
    return device;
  };
}

/** Dawn compiles a pipeline once for as long as one of that kind is alive. */
const alive: Promise<GPUComputePipeline>[] = [];

function share(device: GPUDevice): GPUDevice {
  const create = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) => {
    const pipeline = create(descriptor);
    alive.push(pipeline);
    return pipeline;
  };
  device.destroy = () => undefined;
  return device;
}
