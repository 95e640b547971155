import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { MOST_UNSAVED_MS, WORTH_SAVING_MS } from '../../src/run/autosave.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { configure } from '../../src/settings/configuration.ts';
import { failureOf } from '../harness/labFailure.ts';
import { TINY_RUN } from '../harness/tinyRun.ts';
import { memoryStore, type MemoryStore } from '../harness/memoryStore.ts';

// Small models, saved by themselves by a clock that the tests set.
let runs: MemoryStore;
let events: LabEvent[] = [];
let now = 0;
/** What each of them has claimed. */
const claims = new Map<Lab, string>();
/** A visit, and another one in the same browser. */
let lab: Lab;
let next: Lab;

beforeAll(() => {
  runs = memoryStore();
  [lab, next] = [open(), open()];
});
afterAll(async () => {
  await Promise.all([lab.close(), next.close()]);
});
beforeEach(async () => {
  runs.contents.clear();
  runs.quota = Infinity;
  events = [];
  now = 0;
  await lab.ask({ type: 'configure', configuration: TINY_RUN });
});

function open(gpu = nodeGpu()): Lab {
  const claimRun = (id: string) => {
    claims.delete(one);
    const isFree = ![...claims.values()].includes(id);
    if (isFree) claims.set(one, id);
    return Promise.resolve(isFree);
  };
  const surroundings = { runs: () => Promise.resolve(runs), claimRun, now: () => now };
  const one = new Lab(gpu, (event) => events.push(event), surroundings);
  return one;
}

/** The same GPU in a browser that knows nothing of subgroups. */
function withoutSubgroups(gpu: GPU): GPU {
  const requestAdapter = async () => {
    const adapter = (await gpu.requestAdapter())!;
    const features = new Set([...adapter.features].filter((name) => name !== 'subgroups'));
    const requestDevice = (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor);
    return { info: adapter.info, limits: adapter.limits, features, requestDevice } as unknown as GPUAdapter;
  };
  return { requestAdapter } as unknown as GPU;
}

const of = <T extends LabEvent['type']>(type: T) =>
  events.filter((event): event is Extract<LabEvent, { type: T }> => event.type === type);
const savedSteps = () => of('saved').map(({ run }) => run.step);
const losses = () => of('step').map(({ record }) => record.metrics.loss);
/** A step that begins so much later. */
const stepAfter = async (ms: number, which = lab) => {
  now += ms;
  await which.ask({ type: 'step' });
};

test('small models are saved by themselves at least every minute, and go on bit for bit under their id', async () => {
  await stepAfter(0);
  expect(savedSteps()).toEqual([]);
  await stepAfter(MOST_UNSAVED_MS);
  expect(savedSteps()).toEqual([2]);
  const [{ id } = { id: '' }] = of('opened');
  expect(await lab.ask({ type: 'listSavedRuns' })).toMatchObject([{ id, step: 2 }]);
  // What was not saved any more is lost with the visit.
  await stepAfter(1);
  const [, , third] = losses();
  claims.delete(lab);

  events = [];
  expect(await next.ask({ type: 'resumeRun', id })).toMatchObject({ id, step: 2 });
  expect(of('opened')).toEqual([{ type: 'opened', id }]);
  await stepAfter(1, next);
  expect(losses()).toEqual([third]);
  await stepAfter(MOST_UNSAVED_MS, next);
  expect(savedSteps()).toEqual([4]);
  expect([...runs.contents.keys()], 'one run, in one place').toEqual([id]);
});

test('while it trains, a run is saved without a pause', async () => {
  const training = lab.ask({ type: 'train' });
  await expect.poll(() => of('step').length).toBeGreaterThan(1);
  now += MOST_UNSAVED_MS;
  await expect.poll(() => savedSteps().length).toBe(1);
  await lab.ask({ type: 'pause' });
  await training;
});

test('a pause saves what is worth it, and so does a page that is hidden', async () => {
  await stepAfter(0);
  expect(await lab.ask({ type: 'saveRun', ifWorthIt: true })).toEqual({ step: 0 });
  await stepAfter(WORTH_SAVING_MS);
  expect(savedSteps()).toEqual([2]);
  await stepAfter(1);
  now += WORTH_SAVING_MS;
  expect(await lab.ask({ type: 'saveRun', ifWorthIt: true })).toEqual({ step: 3 });
  expect(await lab.ask({ type: 'saveRun', ifWorthIt: true })).toEqual({ step: 3 });
  expect(savedSteps()).toEqual([2, 3]);
});

test('a hidden page with nothing open opens nothing', async () => {
  await lab.ask({ type: 'reset' });
  events = [];
  expect(await lab.ask({ type: 'saveRun', ifWorthIt: true })).toEqual({ step: 0 });
  expect(events).toEqual([]);
});

test('a run that is set so is saved only when asked', async () => {
  await lab.ask({ type: 'configure', configuration: configure({ autosaveEvery: 0 }, TINY_RUN) });
  await stepAfter(0);
  await stepAfter(10 * MOST_UNSAVED_MS);
  expect(await lab.ask({ type: 'saveRun', ifWorthIt: true })).toEqual({ step: 0 });
  expect(savedSteps()).toEqual([]);
  await lab.ask({ type: 'saveRun' });
  expect(savedSteps()).toEqual([2]);
});

test('each run has an id of its own: one that begins anew is saved beside the one before', async () => {
  await stepAfter(MOST_UNSAVED_MS);
  await stepAfter(MOST_UNSAVED_MS);
  await lab.ask({ type: 'reset' });
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  const ids = of('opened').map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
  expect((await lab.ask({ type: 'listSavedRuns' })).map(({ id }) => id).sort()).toEqual(ids.sort());
});

test('a run that another tab has open goes on as a copy, and neither writes over the other', async () => {
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  const [{ id } = { id: '' }] = of('opened');
  const copy = await next.ask({ type: 'resumeRun', id });
  expect(copy).toMatchObject({ isCopy: true, step: 2 });
  expect(copy.id).not.toBe(id);
  for (const one of [lab, next]) {
    await stepAfter(1, one);
    await stepAfter(MOST_UNSAVED_MS, one);
  }
  const listed = await next.ask({ type: 'listSavedRuns' });
  expect(listed.map(({ id: saved }) => saved).sort()).toEqual([id, copy.id].sort());
  expect(listed.find(({ id: saved }) => saved === id)?.step, 'the other tab has the later step').toBe(4);
  expect(losses().slice(2, 4)).toEqual(losses().slice(4));
  await next.ask({ type: 'reset' });
});

test('a run with subgroups goes on to the bit where there are none, and that is said; a new one with them is refused there', async () => {
  const configuration = configure({ reductions: 'subgroups' }, TINY_RUN);
  const elsewhere = open(withoutSubgroups(nodeGpu()));
  await lab.ask({ type: 'configure', configuration });
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  const [{ id } = { id: '' }] = of('opened');
  const here = await next.ask({ type: 'resumeRun', id });
  expect(here.without).toBeUndefined();
  const there = await elsewhere.ask({ type: 'resumeRun', id });
  expect(there.without).toBe(
    'This GPU, or the browser, has no subgroups. The run goes on through workgroup memory: its numbers are the same to the bit.',
  );
  for (const one of [lab, next, elsewhere]) await stepAfter(1, one);
  const [, , last, ...others] = losses();
  expect(others).toEqual([last, last]);
  await elsewhere.ask({ type: 'configure', configuration });
  expect(await failureOf(elsewhere.ask({ type: 'step' }))).toMatchObject({ setting: 'reductions' });
  await elsewhere.close();
  await next.ask({ type: 'reset' });
});

test('a run that makes room for another is saved before, where that is worth it', async () => {
  await stepAfter(0);
  now += WORTH_SAVING_MS;
  await lab.ask({ type: 'reset' });
  await stepAfter(0);
  now += WORTH_SAVING_MS;
  await lab.ask({ type: 'configure', configuration: TINY_RUN });
  await stepAfter(0);
  await lab.ask({ type: 'reset' });
  expect(of('saved').map(({ run }) => run.id)).toEqual(
    of('opened')
      .map(({ id }) => id)
      .slice(0, 2),
  );
});

test('a storage that is full costs no run, and is tried again', async () => {
  runs.quota = 0;
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  await stepAfter(1);
  expect(of('notSaved')).toMatchObject([{ error: { kind: 'storage' } }]);
  runs.quota = Infinity;
  await stepAfter(MOST_UNSAVED_MS);
  expect(savedSteps()).toEqual([4]);
});

test('a saved run is renamed, goes out as the file it is, and goes on from it under another id', async () => {
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  const id = of('saved')[0]!.run.id;
  expect(await lab.ask({ type: 'renameSavedRun', id, name: 'Mine' })).toMatchObject([{ id, name: 'Mine', step: 2 }]);
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  expect(
    of('saved').map(({ run }) => run.name),
    'it keeps its name',
  ).toEqual(['Small models on Facts', 'Mine']);
  const { name, bytes } = await lab.ask({ type: 'exportSavedRun', id });
  expect(name).toBe('revela-run-step-4.safetensors');
  await stepAfter(1);
  const fifth = losses().at(-1);

  const resumed = await next.ask({ type: 'importRun', blob: new Blob([bytes]) });
  expect(resumed.step).toBe(4);
  expect(resumed.id).not.toBe(id);
  await stepAfter(1, next);
  expect(losses().at(-1)).toBe(fifth);
  await stepAfter(MOST_UNSAVED_MS, next);
  expect((await next.ask({ type: 'listSavedRuns' })).map(({ id: one }) => one).sort()).toEqual([id, resumed.id].sort());
});

test('a run that was deleted is not saved again by itself; what is not there any more is said', async () => {
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  const id = of('saved')[0]!.run.id;
  expect(await lab.ask({ type: 'deleteSavedRun', id })).toEqual([]);
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  expect(savedSteps()).toEqual([2]);
  for (const command of [
    { type: 'resumeRun', id },
    { type: 'exportSavedRun', id },
    { type: 'renameSavedRun', id, name: 'x' },
  ] as const) {
    expect(await failureOf(lab.ask(command))).toMatchObject({
      kind: 'badInput',
      message: expect.stringContaining('another tab may have deleted it') as string,
    });
  }
  await lab.ask({ type: 'saveRun' });
  await stepAfter(0);
  await stepAfter(MOST_UNSAVED_MS);
  expect(savedSteps()).toEqual([2, 4, 6]);
});
