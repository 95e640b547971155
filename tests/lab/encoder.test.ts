import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { filesUnder } from '../../src/cli/support/nodeFiles.ts';
import { openRemoteEncoder } from '../../src/encoder/remote/remoteEncoder.ts';
import { EncoderDesk } from '../../src/lab/desks/encoderDesk.ts';
import type { EncoderProgress } from '../../src/lab/door/encoderViews.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { Lab } from '../../src/lab/lab.ts';
import { TINY } from '../encoder/folder.ts';
import { inProcessWorker } from '../encoder/inProcess.ts';
import { startFakeHub, type FakeHub } from '../harness/fakeHub.ts';
import { failureOf } from '../harness/labFailure.ts';
import { memoryStore, type MemoryStore } from '../harness/memoryStore.ts';

const ID = 'tests/encoder';
const files: Record<string, Uint8Array> = {};
let hub: FakeHub;
let store: MemoryStore;
let events: LabEvent[];
let lab: Lab;
const surroundings = () => ({
  encoders: () => Promise.resolve(store),
  openEncoder: ((lookup, options) => openRemoteEncoder(inProcessWorker, lookup, options)) satisfies NonNullable<
    ConstructorParameters<typeof EncoderDesk>[1]['openEncoder']
  >,
});

beforeAll(async () => {
  for (const name of await filesUnder(TINY)) files[name] = new Uint8Array(await readFile(join(TINY, name)));
  const { '1_Pooling/config.json': _pooling, 'modules.json': _modules, ...silent } = files;
  hub = await startFakeHub(
    {
      [ID]: { files, tags: ['onnx', 'license:apache-2.0'] },
      'tests/silent': { files: silent },
    },
    { largeFrom: 5000 },
  );
});
afterAll(() => hub.close());
beforeEach(() => {
  store = memoryStore();
  events = [];
  lab = new Lab(undefined, (event) => events.push(event), surroundings());
});

const whole = () => Object.values(files).reduce((sum, { length }) => sum + length, 0);
const chosen = (prefix: string) =>
  Object.entries(files).map(([name, bytes]) => ({ path: `${prefix}${name}`, blob: new Blob([new Uint8Array(bytes)]) }));

test('an encoder on a hub is described with its licence, downloaded, kept, and opened again without a network', async () => {
  const offer = await lab.ask({ type: 'describeEncoder', id: ID, hub: hub.url });
  expect(offer).toMatchObject({ licence: 'apache-2.0', shape: 'bert, fp32, 8 numbers a text', pooling: 'mean' });
  expect(offer.bytes).toBeGreaterThan(10_000);
  expect(offer.bytes).toBeLessThan(whole());
  expect(hub.requests.filter(({ file, sent }) => file.endsWith('.onnx') && sent > 600)).toEqual([]);

  const steps: EncoderProgress[] = [];
  const source = { from: 'hub', id: ID, hub: hub.url } as const;
  const view = await lab.ask({ type: 'openEncoder', source }, { onProgress: (step) => steps.push(step) });
  expect(view).toMatchObject({
    name: ID,
    shape: 'bert, fp32, 8 numbers a text, mean of at most 12 tokens',
    maxTokens: 12,
  });
  expect(steps.find(({ download }) => download?.state === 'complete')?.download).toMatchObject({
    doneBytes: offer.bytes,
  });
  expect(steps.at(-1)?.detail).toBe(`Loading ${ID}`);
  const [kept] = (await lab.ask({ type: 'listEncoders' })).stored;
  expect(kept).toMatchObject({ state: 'stored', bytes: offer.bytes });
  expect(events.at(-1)).toMatchObject({ type: 'encoders', encoders: { open: view, stored: [kept] } });

  const asked = hub.requests.length;
  const next = new EncoderDesk(() => undefined, surroundings());
  const never = { signal: new AbortController().signal, onProgress: () => undefined };
  await next.open({ type: 'openEncoder', source: { from: 'stored', id: kept?.id ?? '' } }, never);
  expect(hub.requests.length).toBe(asked);
  const vectors = await next.encoder().embed('query', ['sea'], {});
  expect(vectors.length).toBe(8);
  await next.close();
  expect(() => next.encoder()).toThrow('No pretrained encoder is open');

  await lab.ask({ type: 'deleteEncoder', id: kept?.id ?? '' });
  expect((await lab.ask({ type: 'listEncoders' })).stored).toEqual([]);
  await lab.ask({ type: 'closeEncoder' });
  expect((await lab.ask({ type: 'listEncoders' })).open).toBeUndefined();
});

test('a folder that was dropped, in another or with its weights beside the rest', async () => {
  const inner = await lab.ask({
    type: 'openEncoder',
    source: { from: 'files', name: '', files: chosen('models/tiny/') },
  });
  expect(inner.name).toBe('tiny');
  const flat = chosen('').map(({ path, blob }) => ({ path: path.replace('onnx/', ''), blob }));
  const view = await lab.ask({ type: 'openEncoder', source: { from: 'files', name: 'mine', files: flat } });
  expect(view.name).toBe('mine');
  expect((await lab.ask({ type: 'listEncoders' })).stored).toEqual([]);
});

test('what cannot be opened is said, and the one that is open stays', async () => {
  await lab.ask({ type: 'openEncoder', source: { from: 'files', name: 'first', files: chosen('tiny/') } });
  const refused = async (source: Parameters<typeof ask>[0]) => (await failureOf(ask(source)))?.message;
  const ask = (
    source:
      | { from: 'files'; name: string; files: ReturnType<typeof chosen> }
      | { from: 'hub'; id: string; hub: string }
      | { from: 'stored'; id: string },
  ) => lab.ask({ type: 'openEncoder', source });
  expect(
    await refused({
      from: 'files',
      name: '',
      files: chosen('tiny/').filter(({ path }) => !path.endsWith('tokenizer.json')),
    }),
  ).toContain('there is no tokenizer.json');
  expect(await refused({ from: 'files', name: '', files: [] })).toContain('no config.json among these 0 files');
  expect(await refused({ from: 'files', name: '', files: [...chosen('a/'), ...chosen('b/')] })).toContain(
    'several encoders: a, b',
  );
  const cut = chosen('tiny/').map(({ path, blob }) => ({
    path,
    blob: path.endsWith('.onnx') ? blob.slice(0, 3000) : blob,
  }));
  expect(await refused({ from: 'files', name: '', files: cut })).toContain(
    'onnx/model.onnx of tiny cannot be loaded: it was cut off',
  );
  expect(await refused({ from: 'hub', id: 'tests/nothing', hub: hub.url })).toContain('tests/nothing');
  expect(await refused({ from: 'hub', id: 'tests/silent', hub: hub.url })).toContain('says how it makes one vector');
  expect(await refused({ from: 'stored', id: 'tests/none@main' })).toContain('not stored in this browser');
  expect((await lab.ask({ type: 'listEncoders' })).open?.name).toBe('first');
  // The reader knows how it pools.
  const source = { from: 'hub', id: 'tests/silent', hub: hub.url } as const;
  expect((await lab.ask({ type: 'openEncoder', source, pooling: 'mean' })).name).toBe('tests/silent');
});

test('a download that is stopped goes on where it was', async () => {
  let hasStalled = false;
  const stop = new AbortController();
  const source = { from: 'hub', id: ID, hub: hub.url } as const;
  const opening = lab.ask(
    { type: 'openEncoder', source },
    {
      signal: stop.signal,
      // What is read of the weights before the download is to come through.
      onProgress: ({ download }) => {
        if (!download || hasStalled) return;
        hasStalled = true;
        hub.faults.push({ kind: 'stall', file: 'onnx/model.onnx', afterBytes: 2000 });
      },
    },
  );
  await hub.stalled();
  stop.abort();
  expect((await failureOf(opening))?.kind).toBe('stopped');
  const [begun] = (await lab.ask({ type: 'listEncoders' })).stored;
  expect(begun?.state).toBe('partial');
  expect((await lab.ask({ type: 'openEncoder', source })).name).toBe(ID);
});
