import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FOLDER, KNOWN_TABLES, knownTables, makeTables, readReports } from '../../../bench/deviceTable.ts';
import { GPU_TILES, SOFTWARE_TILES } from '../../../src/ops/core/gemmTiles.ts';
import { Runtime } from '../../../src/ops/core/runtime.ts';
import { dryDevice } from '../../../src/gpu/dryDevice.ts';
import { TileChoice, type MeasuredProduct } from '../../../src/ops/core/tileChoice.ts';
import type { DeviceReport } from '../../../src/run/deviceBench/report.ts';
import { deviceName, kernelsName } from '../../../src/run/tuning/deviceName.ts';
import { KeptTables } from '../../../src/run/tuning/keptTables.ts';
import { knownTable, type KnownTable } from '../../../src/run/tuning/knownTables.ts';
import { memoryStore, type MemoryStore } from '../../harness/memoryStore.ts';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const INFO = { vendor: 'acme', architecture: 'anvil', description: 'Anvil 1', software: false };
const MEASURED: MeasuredProduct = {
  layout: 'NT',
  m: 100,
  n: 128,
  k: 896,
  dtype: 'bf16',
  tile: 'large',
  byRule: 'small',
  times: { large: 1, medium: 1.5, small: 2 },
};

/** A device that is only described. */
const runtimeOf = (changes: Partial<typeof INFO> = {}): Runtime =>
  new Runtime({ ...dryDevice(), info: { ...INFO, ...changes } });

let kernels: string;
let store: MemoryStore;
beforeAll(async () => {
  kernels = await kernelsName(GPU_TILES);
});
beforeEach(() => {
  store = memoryStore();
});

describe('what was measured holds', () => {
  test('for these kernels and tiles', async () => {
    expect(kernels).toMatch(/^[0-9a-f]{16}$/);
    expect(await kernelsName(SOFTWARE_TILES)).not.toBe(kernels);
    expect(await kernelsName({ ...GPU_TILES, tiles: GPU_TILES.tiles.slice(1) })).not.toBe(kernels);
  });

  test('for this device and what it is reached through', async () => {
    const names = [
      await deviceName(INFO, 'a browser', GPU_TILES),
      await deviceName({ ...INFO, description: 'Anvil 2' }, 'a browser', GPU_TILES),
      await deviceName(INFO, 'its next version', GPU_TILES),
    ];
    expect(new Set(names).size).toBe(3);
  });
});

describe('a device is told', () => {
  const kept = (host = 'a browser', known: readonly KnownTable[] = []) =>
    new KeptTables(host, () => Promise.resolve(store), known);
  const KNOWN = (): KnownTable => ({ ...INFO, kernels, measured: [{ ...MEASURED, tile: 'medium' }] });

  test('what was measured on it before, else what is known of its kind, else nothing', async () => {
    const first = runtimeOf();
    expect(await kept().tell(first)).toBe('rule');
    expect(await kept('a browser', [KNOWN()]).tell(first)).toBe('known');
    expect(first.tiles.cut(MEASURED).tile.name).toBe('medium');
    first.tiles.take([MEASURED]);
    await kept().keep(first);
    const next = runtimeOf();
    expect(await kept('a browser', [KNOWN()]).tell(next)).toBe('kept');
    expect(next.tiles.cut(MEASURED).tile.name).toBe('large');
  });

  test('how many workgroups keep it busy, and that the rule is to decide, at every visit until that is taken back', async () => {
    const first = runtimeOf();
    await kept().tell(first);
    first.tiles.take([MEASURED]);
    first.tiles.workgroups = 48;
    await kept().keep(first);
    first.tiles.isByRule = true;
    await kept().keepChoice(first);
    const next = runtimeOf();
    await kept().tell(next);
    expect(next.tiles).toMatchObject({ workgroups: 48, isByRule: true, measured: [MEASURED] });
    expect(next.tiles.cut(MEASURED).tile.name).toBe(next.tiles.byRule(MEASURED).tile.name);
    // On whatever device and browser.
    const other = runtimeOf({ description: 'Anvil 2' });
    await kept('its next version').tell(other);
    expect(other.tiles).toMatchObject({ workgroups: undefined, isByRule: true });
    next.tiles.isByRule = false;
    await kept().keepChoice(next);
    const last = runtimeOf();
    await kept().tell(last);
    expect(last.tiles.isByRule).toBe(false);
    expect(last.tiles.cut(MEASURED).tile.name).toBe('large');
  });

  test('nothing of another device, browser or kernel', async () => {
    const first = runtimeOf();
    await kept().tell(first);
    first.tiles.take([MEASURED]);
    await kept().keep(first);
    expect(await kept('its next version').tell(runtimeOf())).toBe('rule');
    expect(await kept().tell(runtimeOf({ description: 'Anvil 2' }))).toBe('rule');
    const others: Partial<KnownTable>[] = [{ vendor: 'other' }, { architecture: 'other' }, { kernels: 'other' }];
    for (const change of others)
      expect(await kept('another', [{ ...KNOWN(), ...change }]).tell(runtimeOf())).toBe('rule');
  });

  test('one that does not say what it is gets nothing of another that does not', () => {
    const nameless = { vendor: '', architecture: '' };
    expect(knownTable(nameless, kernels, [{ ...nameless, kernels, measured: [MEASURED] }])).toBeUndefined();
  });

  test('nothing by a storage that fails or holds something else', async () => {
    const refuses = new KeptTables('a browser', () => Promise.reject(new Error('refused')), []);
    const runtime = runtimeOf();
    expect(await refuses.tell(runtime)).toBe('rule');
    runtime.tiles.take([MEASURED]);
    await refuses.keep(runtime);
    await kept().keep(runtime);
    const [folder] = store.contents.keys();
    const device = await deviceName(INFO, 'a browser', GPU_TILES);
    const written = (value: unknown) =>
      store.contents.get(folder!)!.set('tiles.json', new TextEncoder().encode(JSON.stringify(value)));
    for (const value of [
      null,
      7,
      {},
      { device },
      { device, measured: 'none' },
      {
        device,
        measured: [null, 7, {}, { ...MEASURED, m: 0 }, { ...MEASURED, layout: 'TT' }, { ...MEASURED, times: 1 }],
      },
      { device, measured: [{ ...MEASURED, tile: 'gigantic' }] },
      { device, measured: [], workgroups: -1 },
      { device, measured: [], workgroups: 'many' },
    ]) {
      written(value);
      const told = runtimeOf();
      expect(await kept().tell(told), JSON.stringify(value)).toBe('rule');
      expect(told.tiles.workgroups).toBeUndefined();
    }
    written({ device, measured: [MEASURED] });
    expect(await kept().tell(runtimeOf())).toBe('kept');
  });

  test('what a saved run was made with only adds to what is known here', () => {
    const tiles = new TileChoice(GPU_TILES);
    tiles.device = 'here';
    tiles.take([MEASURED]);
    const other = { ...MEASURED, m: 2000, tile: 'medium' } as const;
    tiles.adopt({ device: 'here', measured: [{ ...MEASURED, tile: 'small' }, other] });
    expect(tiles.measured).toEqual([MEASURED, other]);
    const { version } = tiles;
    tiles.adopt({ device: 'elsewhere', measured: [{ ...MEASURED, m: 5000 }] });
    tiles.adopt(undefined);
    expect(tiles.measured).toEqual([MEASURED, other]);
    expect(tiles.version).toBe(version);
    const unknown = new TileChoice(GPU_TILES);
    unknown.adopt({ device: '', measured: [MEASURED] });
    expect(unknown.measured).toEqual([]);
  });
});

describe('known tables', () => {
  const report = (changes: Partial<DeviceReport>): DeviceReport =>
    ({ adapter: INFO, date: '2026-03-04', ...changes }) as DeviceReport;

  test('are made of the reports, the later of two', () => {
    const later = [{ ...MEASURED, tile: 'medium' }] as const;
    expect(
      knownTables([
        report({ date: '2026-03-05', tiles: { kernels: 'one', measured: later } }),
        report({ tiles: { kernels: 'one', measured: [MEASURED] } }),
        report({ tiles: { kernels: 'two', measured: [MEASURED] } }),
        report({ tiles: { kernels: 'three', measured: [] } }),
        report({}),
      ]),
    ).toEqual([
      { vendor: 'acme', architecture: 'anvil', kernels: 'one', measured: later },
      { vendor: 'acme', architecture: 'anvil', kernels: 'two', measured: [MEASURED] },
    ]);
  });

  test('reach a device of the kind by npm run bench:devices and nothing else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'devices-'));
    const known = join(folder, 'known.tables');
    const [own] = await readReports(FOLDER);
    const adapter = { ...INFO, description: 'somebody else’s' };
    const handedIn = { ...own, adapter, workgroups: 96, tiles: { kernels, measured: [MEASURED] } };
    try {
      await writeFile(join(folder, 'README.md'), await readFile(join(FOLDER, 'README.md'), 'utf8'));
      await writeFile(join(folder, 'acme-anvil.json'), JSON.stringify(handedIn));
      await makeTables(folder, known);
      expect(await readFile(join(folder, 'README.md'), 'utf8')).toContain('| somebody else’s |');
      const tables = JSON.parse(await readFile(known, 'utf8')) as KnownTable[];
      const runtime = runtimeOf();
      expect(await new KeptTables('a browser', undefined, tables).tell(runtime)).toBe('known');
      expect(runtime.tiles).toMatchObject({ measured: [MEASURED], workgroups: 96 });
      expect(runtime.tiles.byRule(MEASURED).tile.name).not.toBe('large');
      expect(runtime.tiles.cut(MEASURED).tile.name).toBe('large');
      const stranger = runtimeOf({ architecture: 'hammer' });
      expect(await new KeptTables('a browser', undefined, tables).tell(stranger)).toBe('rule');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('are those of the reports that are collected: npm run bench:devices', async () => {
    expect(JSON.parse(await readFile(KNOWN_TABLES, 'utf8'))).toEqual(knownTables(await readReports(FOLDER)));
  });
});
