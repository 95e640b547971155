import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { failureOf } from '../harness/labFailure.ts';
import { TINY_RUN } from '../harness/tinyRun.ts';
import { memoryStore, type MemoryStore } from '../harness/memoryStore.ts';

let store: MemoryStore;
let labs: Lab[];
beforeEach(() => {
  store = memoryStore();
  labs = [];
});
afterEach(async () => {
  for (const lab of labs) await lab.close();
});

/** A lab of the machine's device; `asGpu`: which calls itself a GPU, so that there are tiles to choose from. */
function open({ asGpu = true, host = 'a browser', keeps = true } = {}): { lab: Lab; events: LabEvent[] } {
  const events: LabEvent[] = [];
  const surroundings = { host, ...(keeps && { tiles: () => Promise.resolve(store) }) };
  const lab = new Lab(asGpu ? disguised(nodeGpu()) : nodeGpu(), (event) => events.push(event), surroundings);
  labs.push(lab);
  return { lab, events };
}

function disguised(gpu: GPU): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu.requestAdapter(options);
    return (
      adapter && {
        features: adapter.features,
        limits: adapter.limits,
        info: { vendor: 'acme', architecture: 'anvil', description: 'Anvil 1' },
        requestDevice: (descriptor?: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
      }
    );
  };
  return { requestAdapter } as unknown as GPU;
}

const losses = (events: readonly LabEvent[]) =>
  events.flatMap((event) => (event.type === 'step' ? [event.record.metrics.loss] : []));

test('where there is one tile nothing is measured, and that is said', async () => {
  const { lab, events } = open({ asGpu: false });
  const view = await lab.ask({ type: 'tuneTiles', configuration: TINY_RUN, anew: true });
  expect(view).toMatchObject({ tiles: ['direct'], measured: [], from: 'rule', left: 0 });
  expect(events.filter(({ type }) => type !== 'gpu')).toEqual([]);
  expect(store.contents.size).toBe(0);
});

test(
  'tiles are measured, told, kept for the next visit and written into saved runs; the same browser’s next version measures anew',
  { timeout: 300_000 },
  async () => {
    const first = open();
    await first.lab.ask({ type: 'warmUp', configuration: TINY_RUN });
    const view = await first.lab.ask({ type: 'tuneTiles', configuration: TINY_RUN, anew: true });
    expect(view.tiles.length).toBeGreaterThan(1);
    expect(view.measured.length).toBeGreaterThan(0);
    expect(view.from).toBe('measured');
    expect(view.workgroups).toBeGreaterThanOrEqual(1);
    expect(first.events.filter(({ type }) => type === 'tiles')).toEqual([{ type: 'tiles', tiles: view }]);

    const next = open();
    expect(await next.lab.ask({ type: 'listTiles' })).toMatchObject({
      from: 'kept',
      measured: view.measured,
      workgroups: view.workgroups,
    });
    const other = open({ host: 'its next version' });
    expect(await other.lab.ask({ type: 'listTiles' })).toMatchObject({ from: 'rule', measured: [] });

    // A step made with them, and one by rule.
    await first.lab.ask({ type: 'configure', configuration: TINY_RUN });
    await first.lab.ask({ type: 'step' });
    await other.lab.ask({ type: 'configure', configuration: TINY_RUN });
    await other.lab.ask({ type: 'step' });
    expect(losses(first.events)).toHaveLength(1);
    expect(losses(first.events)).toEqual(losses(other.events));

    // The file of a run takes them to where nothing is kept.
    const { bytes } = await first.lab.ask({ type: 'exportRun' });
    const elsewhere = open({ keeps: false });
    const { run } = await elsewhere.lab.ask({ type: 'importRun', blob: new Blob([bytes]) });
    expect(run?.tiles?.measured).toEqual(view.measured);
    expect((await elsewhere.lab.ask({ type: 'listTiles' })).measured).toEqual(view.measured);
    const stranger = open({ keeps: false, host: 'another browser' });
    await stranger.lab.ask({ type: 'importRun', blob: new Blob([bytes]) });
    expect((await stranger.lab.ask({ type: 'listTiles' })).measured).toEqual([]);

    // By rule, here and at other visits, until that is taken back.
    const told = await first.lab.ask({ type: 'chooseTiles', byRule: true });
    expect(told).toMatchObject({ isByRule: true, measured: view.measured });
    expect(first.events.at(-1)).toEqual({ type: 'tiles', tiles: told });
    const later = open({ host: 'its next version' });
    expect(await later.lab.ask({ type: 'tuneTiles', configuration: TINY_RUN })).toMatchObject({
      isByRule: true,
      measured: [],
      workgroups: undefined,
    });
    await later.lab.ask({ type: 'chooseTiles', byRule: false });
    expect(await open().lab.ask({ type: 'listTiles' })).toMatchObject({ isByRule: false, measured: view.measured });
  },
);

test('measuring gives way to whoever wants the GPU, and goes on after that', { timeout: 300_000 }, async () => {
  const { lab, events } = open();
  await lab.ask({ type: 'configure', configuration: TINY_RUN });
  await lab.ask({ type: 'step' });
  let isOver = false;
  const tuned = lab.ask({ type: 'tuneTiles', configuration: TINY_RUN, anew: true }).finally(() => (isOver = true));
  await lab.ask({ type: 'step' });
  expect(isOver).toBe(false);
  await lab.ask({ type: 'step' });
  expect(losses(events)).toHaveLength(3);
  expect((await tuned).measured.length).toBeGreaterThan(0);
  const before = losses(events).length;
  await lab.ask({ type: 'step' });
  expect(losses(events)).toHaveLength(before + 1);

  const byRule = open({ host: 'by rule' });
  await byRule.lab.ask({ type: 'configure', configuration: TINY_RUN });
  await byRule.lab.ask({ type: 'train', steps: 4 });
  expect(losses(events)).toEqual(losses(byRule.events));
});

test('stopped, or with the session closed, it is over', { timeout: 120_000 }, async () => {
  const { lab } = open();
  const control = new AbortController();
  const stopped = lab.ask({ type: 'tuneTiles', configuration: TINY_RUN, anew: true }, { signal: control.signal });
  control.abort();
  expect((await failureOf(stopped))?.kind).toBe('stopped');

  const closing = open();
  await closing.lab.ask({ type: 'listTiles' });
  const left = closing.lab.ask({ type: 'tuneTiles', configuration: TINY_RUN, anew: true }).catch(() => undefined);
  await closing.lab.close();
  await left;
});
