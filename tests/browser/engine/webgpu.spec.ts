import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';

const double = readFileSync(new URL('../../harness/fixtures/double.wgsl', import.meta.url), 'utf8');

test('the browser runs a compute shader on the served page', async ({ page }) => {
  await page.goto('./');
  const doubled = await page.evaluate(async (code) => {
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error('the browser has no WebGPU adapter');
    const device = await adapter.requestDevice();
    const values = Float32Array.from({ length: 100 }, (_, i) => i - 50);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size: values.byteLength, usage });
    const readback = device.createBuffer({
      size: values.byteLength,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, values);
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code }) },
    });
    const entries = [{ binding: 0, resource: { buffer } }];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(2);
    pass.end();
    encoder.copyBufferToBuffer(buffer, 0, readback, 0, values.byteLength);
    device.queue.submit([encoder.finish()]);
    await readback.mapAsync(GPUMapMode.READ);
    return Array.from(new Float32Array(readback.getMappedRange()));
  }, double);
  expect(doubled).toEqual(Array.from({ length: 100 }, (_, i) => 2 * (i - 50)));
});
