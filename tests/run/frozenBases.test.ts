import { expect, test } from 'vitest';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { firstLayers } from '../../src/models/depth.ts';
import { FrozenBases } from '../../src/run/frozenBases.ts';
import { openPretrained } from '../../src/run/pretrained.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';

test('a base that is there is not loaded again: whole ones serve first layers and retrievers, and no others', async () => {
  const runtime = await openTestRuntime();
  const files = await tinyCheckpoint(['Gulls nest on cliffs. Bread needs yeast.'], { num_hidden_layers: 3 });
  const base = await openPretrained('tiny', (name) => Promise.resolve(files[name] && memorySource(name, files[name])));
  const { config } = base;
  const bases = new FrozenBases();
  const load = (layers: number, head: boolean) =>
    bases.load(
      runtime,
      base,
      firstLayers(config, layers),
      { head, trainable: false, precision: 'stored' },
      () => undefined,
    );
  const two = await load(2, false);
  expect(two.layers).toHaveLength(2);
  expect(await load(2, false)).toBe(two);
  const one = await load(1, false);
  expect(one).not.toBe(two);
  const body = await load(3, false);
  expect(body.layers).toHaveLength(3);
  const whole = await load(3, true);
  expect(whole).not.toBe(body);
  bases.keep(new Set([whole]));
  for (const layers of [1, 2, 3]) expect(await load(layers, false)).toBe(whole);
  bases.keep(new Set());
  expect(runtime.pool.report().liveBuffers).toBe(0);
  runtime.destroy();
});
