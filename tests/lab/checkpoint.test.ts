import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { unzipSync } from 'fflate';
import { pastedText } from '../../src/corpus/given.ts';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { AskOptions, LabEvent } from '../../src/lab/door/protocol.ts';
import type { LabError } from '../../src/lab/door/labError.ts';
import type { DownloadView, SearchResult } from '../../src/lab/door/views.ts';
import { blobSource } from '../../src/files/formats/byteSource.ts';
import { readSavedRun, writeSavedRun } from '../../src/files/formats/savedRun.ts';
import { failureOf } from '../harness/labFailure.ts';
import { startFakeHub, type FakeHub } from '../harness/fakeHub.ts';
import { memoryStore, type MemoryStore } from '../harness/memoryStore.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';

const TEXT = Array.from(
  { length: 12 },
  (_, i) =>
    `Essay ${i}\n\nThe number ${i} is a curious one. People have counted to ${i} for ages. It comes after ${i - 1} and before ${i + 1}, as everybody knows who can count. Some find it lucky, others do not care.`,
).join('\n\n---\n\n');
const ID = 'tests/tiny';
const CONFIGURATION = configure({
  base: 'checkpoint',
  checkpoint: ID,
  source: 'text',
  trained: 'lora',
  chunks: 4,
  chunkTokens: 40,
  rank: 4,
  checkpointing: true,
  contextGate: 0.25,
  evaluateEvery: 100,
  heldOutBatches: 1,
  autosaveEvery: 0,
});

let hub: FakeHub;
let weights: Uint8Array;
let models: MemoryStore;
let runs: MemoryStore;
let events: LabEvent[];
/** A visit, and another one in the same browser. Each compiles its kernels anew, so there are no more than two. */
let lab: Lab;
let next: Lab;

beforeAll(async () => {
  const files = await tinyCheckpoint([TEXT]);
  weights = files['model.safetensors'] ?? new Uint8Array();
  hub = await startFakeHub({
    [ID]: { files },
    'tests/other': { files: await tinyCheckpoint([TEXT], { seed: 2, hidden_size: 48, num_attention_heads: 3 }) },
    'tests/quantised': {
      files: {
        ...files,
        'config.json': {
          json: {
            ...JSON.parse(new TextDecoder().decode(files['config.json'])),
            quantization_config: { quant_method: 'gptq', bits: 4 },
          },
        },
      },
    },
    'tests/words': {
      files: {
        ...files,
        'tokenizer.json': files['tokenizer.json'] ?? '',
        'config.json': { json: { ...JSON.parse(new TextDecoder().decode(files['config.json'])), vocab_size: 280 } },
      },
    },
  });
});
beforeAll(() => {
  [models, runs] = [memoryStore(), memoryStore()];
  [lab, next] = [open(), open()];
});
afterAll(async () => {
  await Promise.all([lab.close(), next.close()]);
  await hub.close();
});
beforeEach(() => {
  events = [];
  for (const store of [models, runs]) {
    store.contents.clear();
    store.quota = Infinity;
    store.written = 0;
  }
});

function open(): Lab {
  return new Lab(nodeGpu(), (event) => events.push(event), {
    models: () => Promise.resolve(models),
    runs: () => Promise.resolve(runs),
  });
}

const of = <T extends LabEvent['type']>(type: T) =>
  events.filter((event): event is Extract<LabEvent, { type: T }> => event.type === type);
const losses = () => of('step').map(({ record }) => record.metrics.ntpLoss);
const get = (id = ID, options: AskOptions<'downloadModel'> = {}) =>
  lab.ask({ type: 'downloadModel', id, hub: hub.url }, options);

/** A run on the downloaded checkpoint, after `steps` updates. */
async function trained(steps: number, changes: Partial<Configuration> = {}): Promise<void> {
  await get();
  await lab.ask({
    type: 'configure',
    configuration: configure(changes, CONFIGURATION),
    text: pastedText('Numbers', TEXT),
    title: 'Numbers',
  });
  for (let i = 0; i < steps; i++) await lab.ask({ type: 'step' });
}

test('looked up, it says what it costs; downloaded, it is listed and can be trained', async () => {
  const offer = await lab.ask({ type: 'describeModel', id: ID, hub: hub.url });
  expect(offer).toMatchObject({
    id: ID,
    shape: expect.stringContaining('2 layers of width 32') as string,
  });
  expect(models.written, 'looking up stores nothing').toBe(0);
  expect(await lab.ask({ type: 'plan', configuration: CONFIGURATION })).toMatchObject({
    refusal: undefined,
    assumption: expect.stringContaining('bf16') as string,
  });

  const arriving: DownloadView[] = [];
  await get(ID, { onProgress: (download) => arriving.push(download) });
  expect(arriving.at(-1)).toMatchObject({ state: 'complete', doneBytes: offer.bytes });
  expect((await lab.ask({ type: 'listModels' })).models).toMatchObject([{ state: 'stored' }]);
  expect(of('models').at(-1)?.models, 'everybody was told').toEqual(await lab.ask({ type: 'listModels' }));
  await lab.ask({
    type: 'configure',
    configuration: CONFIGURATION,
    text: pastedText('Numbers', TEXT),
    title: 'Numbers',
  });
  await lab.ask({ type: 'step' });
  // Random weights: every one of the 320 tokens is about equally likely.
  expect(losses()[0]).toBeCloseTo(Math.log(320), 0);
  expect((await lab.ask({ type: 'plan', configuration: CONFIGURATION })).assumption).toBeUndefined();
  const other = configure({ retrieverCheckpoint: 'test/absent' }, CONFIGURATION);
  expect(await failureOf(lab.ask({ type: 'plan', configuration: other }))).toMatchObject({
    setting: 'retrieverCheckpoint',
  });
});

test('a quantised checkpoint is named when it is looked up, and nothing of its weights is fetched', async () => {
  const id = 'tests/quantised';
  for (const ask of [() => lab.ask({ type: 'describeModel', id, hub: hub.url }), () => get(id)])
    expect(await failureOf(ask())).toMatchObject({
      kind: 'badInput',
      message: expect.stringMatching(/is quantised \(GPTQ, 4 bits\).*Take the unquantised one.*or a GGUF/) as string,
    });
  expect(models.written).toBe(0);
  expect(hub.requests.filter(({ path }) => path.includes(id) && path.includes('safetensors'))).toEqual([]);
});

test('a saved run goes on bit for bit in another visit, from storage and from a file', async () => {
  await trained(3);
  expect(await lab.ask({ type: 'saveRun' })).toEqual({ step: 3 });
  const { bytes } = await lab.ask({ type: 'exportRun' });
  await lab.ask({ type: 'step' });
  const [fourth] = losses().slice(-1);
  const visits = [
    async () => {
      const [saved] = await next.ask({ type: 'listSavedRuns' });
      expect(saved).toMatchObject({ step: 3, name: `${ID} on Numbers` });
      return next.ask({ type: 'resumeRun', id: saved?.id ?? '' });
    },
    () => next.ask({ type: 'importRun', blob: new Blob([bytes]) }),
  ];
  for (const visit of visits) {
    const resumed = await visit();
    expect(resumed).toMatchObject({
      step: 3,
      text: pastedText('Numbers', TEXT),
      title: 'Numbers',
      configuration: CONFIGURATION,
    });
    expect(resumed.run?.metrics.map(({ step }) => step)).toEqual([1, 2, 3]);
    await next.ask({ type: 'step' });
    expect(of('step').at(-1)?.record.metrics.step).toBe(4);
    expect(losses().at(-1)).toBe(fourth);
  }
});

test('a saved run that does not fit what it was made with is refused, and the run before goes on', async () => {
  await trained(2);
  const { bytes } = await lab.ask({ type: 'exportRun' });
  const { state, metadata } = await readSavedRun(blobSource('run', new Blob([bytes])));
  const other = { ...metadata, configuration: JSON.stringify({ ...CONFIGURATION, rank: 8 }) };
  events = [];
  const blob = new Blob(await writeSavedRun(state, other));
  const refused = await failureOf(lab.ask({ type: 'importRun', blob }));
  expect(refused?.kind).toBe('badInput');
  expect(refused?.message).toContain('does not fit this model');
  expect([of('reset'), of('opened')], 'nothing was given up').toEqual([[], []]);
  expect(of('state').at(-1)?.state).toBe('paused');
  await lab.ask({ type: 'step' });
  expect(of('step').map(({ record }) => record.metrics.step)).toEqual([3]);
});

test('it saves itself every so many steps, and goes on when the storage is full', async () => {
  await trained(4, { autosaveEvery: 2 });
  expect(of('saved').map(({ run }) => run.step)).toEqual([2, 4]);
  expect(
    [...runs.contents.values()].map((files) => files.size),
    'one state and its note',
  ).toEqual([2]);
  runs.quota = 0;
  await lab.ask({ type: 'step' });
  await lab.ask({ type: 'step' });
  expect(of('notSaved')).toMatchObject([{ error: { kind: 'storage' } }]);
  expect(of('step').at(-1)?.record.metrics.step).toBe(6);
  expect(await lab.ask({ type: 'listSavedRuns' })).toMatchObject([{ step: 4 }]);
  expect(await failureOf(lab.ask({ type: 'saveRun' }))).toMatchObject({ kind: 'storage' });
});

test('adapters taken home come back into another run of the same shape, and into no other', async () => {
  await trained(2);
  const { bytes: zip } = await lab.ask({ type: 'exportAdapters' });
  expect(Object.keys(unzipSync(zip)).sort()).toEqual([
    'README.md', 'configuration.json', 'language-model/adapter_config.json', 'language-model/adapter_model.safetensors',
    'retriever/adapter_config.json', 'retriever/adapter_model.safetensors', 'retriever/config_sentence_transformers.json',
    'retriever/modules.json', 'retriever/revela_retriever.json', 'retriever/revela_retriever.py',
  ]); // prettier-ignore
  const files = [{ path: 'adapters.zip', blob: new Blob([zip]) }];
  const query = { type: 'search', query: 'How far can people count?', limit: 3 } as const;
  const ranked = ({ hits }: SearchResult) => hits.after.map(({ chunk, score }) => [chunk, score]);
  const first = ranked(await lab.ask(query));

  await next.ask({
    type: 'configure',
    configuration: CONFIGURATION,
    text: pastedText('Numbers', TEXT),
    title: 'Numbers',
  });
  const { detail } = await next.ask({ type: 'importAdapters', files });
  expect(detail).toContain('retriever and the language model');
  const found = await next.ask(query);
  expect(ranked(found)).toEqual(first);
  expect(found.hits.before.map(({ score }) => score)).not.toEqual(first.map(([, score]) => score));

  await next.ask({
    type: 'configure',
    configuration: configure({ rank: 8 }, CONFIGURATION),
    text: pastedText('Numbers', TEXT),
  });
  await next.ask({ type: 'step' });
  const refused = await failureOf(next.ask({ type: 'importAdapters', files }));
  expect(refused?.kind).toBe('badInput');
  expect(refused?.message).toMatch(/of the retriever has rank 4, .*but this run has rank 8/);
  expect(refused?.settings).toMatchObject({
    rank: 4,
    alpha: CONFIGURATION.alpha,
    loraTargets: CONFIGURATION.loraTargets,
  });
  await next.ask({ type: 'step' });
  expect(of('step').at(-1)?.record.metrics.step, 'the run goes on').toBe(2);
});

test.each([
  ['int8 weights', { precision: 'int8' }],
  ['a gate that is learnt', { learnGate: true }],
  ['whole models', { trained: 'full', checkpointing: false }],
  ['a frozen language model', { freezeLanguageModel: true }],
  ['a control', { attention: 'uniform' }],
] as const)('trains with %s', async (_name, changes) => {
  await trained(2, changes);
  const names = Object.keys(unzipSync((await lab.ask({ type: 'exportAdapters' })).bytes));
  expect(names.includes('gates.json')).toBe('learnGate' in changes);
  expect(names.includes('language-model/model.safetensors')).toBe('trained' in changes);
  if ('precision' in changes) expect(of('quantised').at(-1)?.worstError).toBeLessThan(0.02);
});

test('retriever and language model may be two checkpoints with tokenizers of their own', async () => {
  await get();
  await get('tests/other');
  const configuration = configure({ retrieverCheckpoint: 'tests/other' }, CONFIGURATION);
  await lab.ask({ type: 'configure', configuration, text: pastedText('Numbers', TEXT), title: 'Numbers' });
  await lab.ask({ type: 'step' });
  const { hits } = await lab.ask({ type: 'search', query: 'lucky numbers', limit: 2 });
  expect(hits.after).toHaveLength(2);
});

test('what cannot be run is refused in words, and the run before goes on', async () => {
  await trained(1);
  const refused = async (configuration: Configuration): Promise<LabError | undefined> => {
    events = [];
    const refusal = await failureOf(lab.ask({ type: 'configure', configuration, text: pastedText('Numbers', TEXT) }));
    await lab.ask({ type: 'step' });
    return refusal;
  };
  expect(await refused(configure({ checkpoint: 'tests/missing' }, CONFIGURATION))).toMatchObject({
    kind: 'badSetting',
    setting: 'checkpoint',
    message: expect.stringContaining('is not in this browser yet') as string,
  });
  expect(of('step').at(-1)?.record.metrics.step, 'the run before').toBe(2);
  await get('tests/words');
  expect(await refused(configure({ checkpoint: 'tests/words' }, CONFIGURATION))).toMatchObject({
    message: expect.stringContaining('do not belong together') as string,
  });
  expect(
    await refused(
      configure({ memoryBudget: 0.125, chunks: 32, chunkTokens: 256, rank: 256, batching: 'random' }, CONFIGURATION),
    ),
  ).toMatchObject({
    kind: 'badInput',
  });
});

test('a folder of the reader’s own can be used at once, and kept', async () => {
  const files = Object.entries(await tinyCheckpoint([TEXT])).map(([path, bytes]) => ({
    path: `mine/${path}`,
    blob: new Blob([bytes]),
  }));
  expect(await lab.ask({ type: 'openFolder', name: '', files, keep: false })).toEqual({ id: 'mine' });
  expect(of('models').at(-1)?.models.models).toMatchObject([{ id: 'mine', state: 'open' }]);
  expect(await lab.ask({ type: 'openFolder', name: 'Kept', files, keep: true })).toEqual({ id: 'local@Kept' });
  expect(
    of('models')
      .at(-1)
      ?.models.models.map(({ id, state }) => [id, state]),
  ).toEqual([
    ['mine', 'open'],
    ['local@Kept', 'stored'],
  ]);
  for (const checkpoint of ['mine', 'local@Kept']) {
    await lab.ask({
      type: 'configure',
      configuration: configure({ checkpoint }, CONFIGURATION),
      text: pastedText('Numbers', TEXT),
    });
    await lab.ask({ type: 'step' });
  }
  const { id: second } = await lab.ask({ type: 'openFolder', name: 'Kept', files, keep: true });
  expect(second, 'the name was taken').not.toBe('local@Kept');
  expect((await lab.ask({ type: 'listModels' })).models.map(({ id }) => id)).toContain(second);
  await lab.ask({ type: 'deleteModel', id: second });
  await lab.ask({ type: 'deleteModel', id: 'local@Kept' });
  expect(of('models').at(-1)?.models.models).toMatchObject([{ id: 'mine' }]);
  const part = lab.ask({ type: 'openFolder', name: '', files: files.slice(0, 2), keep: true });
  expect(await failureOf(part)).toMatchObject({ kind: 'badInput' });
  expect(losses()).toHaveLength(2);
});

test('a download that breaks leaves the run alone, and goes on from where it stopped', async () => {
  await trained(1);
  models.contents.clear();
  hub.faults.push({ kind: 'cut', file: 'model.safetensors', afterBytes: Math.floor(weights.length / 20), times: 10 });
  const before = hub.requests.length;
  await get();
  const ranges = hub.requests
    .slice(before)
    .filter(({ file, range, sent }) => file === 'model.safetensors' && range && sent > 0);
  expect(ranges.length).toBeGreaterThan(5);
  models.contents.clear();
  models.quota = 1000;
  expect(await failureOf(get())).toMatchObject({ kind: 'storage' });
  await lab.ask({ type: 'step' });
  expect(of('step').at(-1)?.record.metrics.step).toBe(2);
});
