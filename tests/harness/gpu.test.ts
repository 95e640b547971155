import { afterAll, beforeAll, expect, test } from 'vitest';
import { requestDawnDevice, runInPlace } from './dawn.ts';
import double from './fixtures/double.wgsl?raw';

let device: GPUDevice;
beforeAll(async () => {
  device = await requestDawnDevice();
});
afterAll(() => {
  device.destroy();
});

test('Dawn runs a compute shader on this machine', async () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => i - 500);
  const doubled = await runInPlace(device, double, values);
  expect(doubled).toEqual(values.map((x) => 2 * x));
});
