import { globals } from 'webgpu';
import type { GpuDevice } from '../src/gpu/device.ts';
import { dryDevice } from '../src/gpu/dryDevice.ts';

const nothing = () => undefined;

/**
 * A device that takes every call, does nothing and answers at once: unlike a dry device it is sent all that a real one is, so that
 * what JavaScript does for a step can be measured by itself. What is read is zero.
 */
export function idleDevice(): GpuDevice {
  // Names of usages and the like, which Node itself does not have.
  Object.assign(globalThis, globals);
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer: nothing,
    clearBuffer: nothing,
    resolveQuerySet: nothing,
    finish: () => ({}),
  };
  const { limits } = dryDevice();
  const device = {
    limits,
    addEventListener: nothing,
    removeEventListener: nothing,
    destroy: nothing,
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    createShaderModule: () => ({ getCompilationInfo: () => Promise.resolve({ messages: [] }) }),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipelineAsync: () => Promise.resolve({}),
    createBindGroup: () => ({}),
    createBuffer: idleBuffer,
    createCommandEncoder: () => encoder,
    queue: { submit: nothing, writeBuffer: nothing, onSubmittedWorkDone: () => Promise.resolve() },
  };
  // Pool, recorder and staging use no more of a device than this.
  return { ...dryDevice(), device: device as unknown as GPUDevice, dry: false };
}

/** Memory only while it is mapped: that of weights would be gigabytes. */
function idleBuffer({ size }: GPUBufferDescriptor) {
  return {
    size,
    destroy: nothing,
    mapAsync: () => Promise.resolve(),
    getMappedRange: () => new ArrayBuffer(size),
    unmap: nothing,
  };
}
