import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GPU_TILES } from '../../src/ops/core/gemmTiles.ts';
import { TileChoice } from '../../src/ops/core/tileChoice.ts';
import type { RunRecord } from '../../src/run/record.ts';
import { run } from './run.ts';

const TINY = [
  ...['--chunks', '4', '--layers', '1', '--width', '16', '--heads', '2', '--kvHeads', '1', '--mlpWidth', '16'],
  ...['--heldOutBatches', '1', '--evaluateEvery', '100', '--steps', '2'],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-tune-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function trained(name: string, ...flags: string[]): Promise<{ err: string; record: RunRecord }> {
  const path = join(folder, `${name}.json`);
  const { code, err } = await run('train', ...TINY, '--record', path, ...flags);
  expect(code, err).toBe(0);
  return { err, record: JSON.parse(await readFile(path, 'utf8')) as RunRecord };
}

const losses = ({ metrics }: RunRecord): number[] => metrics.map(({ loss }) => loss);

test('with one tile --tune has nothing to measure, and says so', async () => {
  const { err, record } = await trained('software', '--tune');
  expect(err).toContain('--tune: this device has one tile to choose from');
  expect(record.tiles).toBeUndefined();
});

test('--tune measures tiles first and writes them into the record; losses are the same to the bit', async () => {
  const of = TileChoice.of.bind(TileChoice);
  // As on a GPU, whose many tiles a software one takes minutes to compile.
  TileChoice.of = () => new TileChoice(GPU_TILES);
  try {
    const tuned = await trained('tuned', '--tune');
    expect(tuned.err).toMatch(/tiles: [1-9]\d* kinds of products measured/);
    expect(tuned.record.tiles?.device).toContain(`Node ${process.versions.node}`);
    expect(tuned.record.tiles?.measured.length).toBeGreaterThan(0);
    const byRule = await trained('rule');
    expect(byRule.record.tiles).toBeUndefined();
    expect(losses(byRule.record)).toHaveLength(2);
    expect(losses(tuned.record)).toEqual(losses(byRule.record));
  } finally {
    TileChoice.of = of;
  }
}, 300_000);
