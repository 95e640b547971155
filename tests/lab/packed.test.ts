import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { pastedText } from '../../src/corpus/given.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { Lab } from '../../src/lab/lab.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { startFakeHub, type FakeHub } from '../harness/fakeHub.ts';
import { failureOf } from '../harness/labFailure.ts';
import { memoryStore } from '../harness/memoryStore.ts';

const PACKED = new Uint8Array(readFileSync(join(import.meta.dirname, '../parity/gguf/smollm.gguf')));
const REPOSITORY = 'tests/tiny-GGUF';
const ID = `${REPOSITORY}/tiny-Q4_1.gguf`;
const TEXT = Array.from(
  { length: 12 },
  (_, i) =>
    `Chapter ${i}\n\nThe terns come back to the sandbar, and the keeper counts ${i} of them from the gallery. In winter the boats are drawn up, and ${i + 1} men mend nets.`,
).join('\n\n---\n\n');
const CONFIGURATION = configure({
  base: 'checkpoint', checkpoint: ID, source: 'text', trained: 'lora', chunks: 4, chunkTokens: 40, rank: 2, contextGate: 0.25,
  evaluateEvery: 100, heldOutBatches: 1, autosaveEvery: 0,
}); // prettier-ignore

let hub: FakeHub;
let lab: Lab;
const events: LabEvent[] = [];

beforeAll(async () => {
  hub = await startFakeHub({
    [REPOSITORY]: {
      files: {
        'README.md': '# packed',
        'tiny-Q4_1.gguf': PACKED,
        'tiny-Q8_0.gguf': new Uint8Array([...PACKED, ...new Uint8Array(64)]),
        'tiny-00001-of-00002.gguf': PACKED.subarray(0, 4000),
        'mmproj-tiny.gguf': PACKED.subarray(0, 4000),
        'cut.gguf': PACKED.subarray(0, 20_000),
      },
      tags: ['gguf', 'base_model:tests/tiny', 'base_model:quantized:tests/tiny'],
    },
  });
  const models = memoryStore();
  lab = new Lab(nodeGpu(), (event) => events.push(event), { models: () => Promise.resolve(models) });
});
afterAll(async () => {
  await lab.close();
  await hub.close();
});

const describe = (id: string) => lab.ask({ type: 'describeModel', id, hub: hub.url });
const run = (changes: Partial<Configuration> = {}) =>
  lab.ask({ type: 'configure', configuration: configure(changes, CONFIGURATION), text: pastedText('Terns', TEXT) });

test('a repository of packed files: they are listed, one is looked up by its header, and only that is downloaded', async () => {
  const all = await describe(REPOSITORY);
  expect(all).toMatchObject({ shape: undefined, bytes: 0, files: [] });
  // Neither the part of a model nor the projector: the smallest first.
  expect(all.packed.map(({ name }) => name)).toEqual(['cut.gguf', 'tiny-Q4_1.gguf', 'tiny-Q8_0.gguf']);
  expect(all.packed[1]).toMatchObject({ id: ID, bytes: PACKED.length });
  const unchosen = await failureOf(lab.ask({ type: 'downloadModel', id: REPOSITORY, hub: hub.url }));
  expect(unchosen?.message).toMatch(/Choose one of them, as tests\/tiny-GGUF\/cut\.gguf/);

  const one = await describe(ID);
  expect(one.shape).toBe('1 layers of width 32, 2 query heads on 1 key/value heads, 341 tokens');
  expect(one.files).toEqual([{ name: 'tiny-Q4_1.gguf', bytes: PACKED.length }]);
  expect((await failureOf(describe(`${REPOSITORY}/cut.gguf`)))?.message).toMatch(/is cut short/);
  expect((await failureOf(describe(`${REPOSITORY}/other.gguf`)))?.message).toMatch(/It has cut\.gguf, tiny-Q4_1\.gguf/);
  // Planned before it is here, as what it will be.
  const before = await lab.ask({ type: 'plan', configuration: CONFIGURATION });
  expect(before).toMatchObject({ refusal: undefined, assumption: undefined });

  await lab.ask({ type: 'downloadModel', id: ID, hub: hub.url });
  const { models } = await lab.ask({ type: 'listModels' });
  expect(models).toMatchObject([{ state: 'stored', bytes: PACKED.length }]);
  expect(models[0]?.id).toMatch(/^tests\/tiny-GGUF\/tiny-Q4_1\.gguf@[0-9a-f]{40}$/);
  expect((await lab.ask({ type: 'plan', configuration: CONFIGURATION })).weights).toBe(before.weights);
});

test('it trains, as int8 or bf16, and its adapters are for the model that it packs', async () => {
  await lab.ask({ type: 'downloadModel', id: ID, hub: hub.url });
  const weights = async (changes: Partial<Configuration>) => {
    await run(changes);
    await lab.ask({ type: 'step' });
    return (await lab.ask({ type: 'plan', configuration: configure(changes, CONFIGURATION) })).weights;
  };
  expect(await weights({ precision: 'bf16' })).toBeGreaterThan(1.4 * (await weights({})));
  expect(events.some(({ type }) => type === 'quantised')).toBe(true);
  const { bytes } = await lab.ask({ type: 'exportAdapters' });
  const files = unzipSync(bytes);
  const text = (name: string) => new TextDecoder().decode(files[name]);
  for (const folder of ['retriever', 'language-model'])
    expect(JSON.parse(text(`${folder}/adapter_config.json`))).toMatchObject({
      base_model_name_or_path: 'tests/tiny',
      revision: null,
    });
  expect(text('README.md')).toMatch(/trained over tiny-Q4_1\.gguf, a packed form of that model \(GGUF: Q4_1, /);
  expect(text('README.md')).not.toContain('does not say where that model is');
});

test('a packed file of the reader’s own: opened, kept, and asked for by name where its origin is unknown', async () => {
  const files = [{ path: 'My tiny.gguf', blob: new Blob([PACKED]) }];
  expect(await lab.ask({ type: 'openFolder', name: '', files, keep: false })).toEqual({ id: 'My tiny' });
  const { id } = await lab.ask({ type: 'openFolder', name: 'Kept', files, keep: true });
  await run({ checkpoint: 'My tiny' });
  await lab.ask({ type: 'step' });
  await run({ checkpoint: id });
  await lab.ask({ type: 'step' });
  const { bytes } = await lab.ask({ type: 'exportAdapters' });
  const archive = unzipSync(bytes);
  const text = (name: string) => new TextDecoder().decode(archive[name]);
  expect(JSON.parse(text('retriever/adapter_config.json'))).toMatchObject({ base_model_name_or_path: 'My tiny' });
  expect(text('README.md')).toMatch(
    /does not say where that model is: put its id on the hub in the place of "My tiny"/,
  );
  const several = [...files, { path: 'other.gguf', blob: new Blob([PACKED]) }];
  const failure = await failureOf(lab.ask({ type: 'openFolder', name: '', files: several, keep: false }));
  expect(failure?.message).toMatch(/These are 2 models.*My tiny\.gguf, other\.gguf/);
});
