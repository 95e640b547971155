import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';

/**
 * Opens a device through Dawn.
 *
 * @throws {Error} without an adapter: a missing GPU fails tests, it never skips them.
 */
export async function requestDawnDevice(): Promise<GPUDevice> {
  const adapter = await nodeGpu().requestAdapter();
  if (!adapter) throw new Error('Dawn has no adapter here. Start the tests with: node scripts/test.mjs');
  return adapter.requestDevice();
}

/** Runs one compute shader (entry `main`, workgroups of 64) in place over `values` and returns the result. */
export async function runInPlace(device: GPUDevice, code: string, values: Float32Array): Promise<Float32Array> {
  const storage = device.createBuffer({
    size: values.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const readback = device.createBuffer({
    size: values.byteLength,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(storage, 0, values as Float32Array<ArrayBuffer>);
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: storage } }],
    }),
  );
  pass.dispatchWorkgroups(Math.ceil(values.length / 64));
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, readback, 0, values.byteLength);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(GPUMapMode.READ);
  const result = new Float32Array(readback.getMappedRange().slice(0));
  readback.destroy();
  storage.destroy();
  return result;
}
