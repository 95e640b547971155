import { expect, test } from 'vitest';
import { DeviceLostError } from '../../../src/gpu/errors.ts';
import { GPU_TILES } from '../../../src/ops/core/gemmTiles.ts';
import { TileChoice, type ProductShape } from '../../../src/ops/core/tileChoice.ts';
import { compileTiles, tune } from '../../../src/run/tuning/tune.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

const PRODUCTS: readonly ProductShape[] = [{ layout: 'NT', m: 40, n: 64, k: 96, dtype: 'f32' }];
const NEVER = new AbortController().signal;

test('a device that is lost while its tiles are measured ends that with it', async () => {
  const runtime = await openTestRuntime();
  runtime.tiles = new TileChoice(GPU_TILES);
  await compileTiles(runtime, PRODUCTS, NEVER);
  const { device } = runtime.gpu;
  const encode = device.createCommandEncoder.bind(device);
  let encoded = 0;
  device.createCommandEncoder = () => {
    if (++encoded === 8) device.destroy();
    return encode();
  };
  await expect(tune(runtime, PRODUCTS, { mostMs: Infinity, signal: NEVER })).rejects.toThrow(DeviceLostError);
  expect(encoded).toBeGreaterThanOrEqual(8);
  runtime.destroy();
});
