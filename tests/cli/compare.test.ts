import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { lines, run } from './run.ts';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const FILE = {
  title: 'Tiny',
  settings: { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 },
  grid: { temperature: [0.05, 0.5] },
  seeds: [1, 2, 3],
  budget: { steps: 2 },
  looks: 1,
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-compare-'));
  await writeFile(at('sweep.json'), JSON.stringify(FILE));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a sweep is made, written, and refused where its folder is taken', async () => {
  const first = await run('compare', at('sweep.json'), '--out', at('out'), '--json');
  expect(first.code).toBe(0);
  expect(lines(first.out)[0]).toMatchObject({ title: 'Tiny', tables: { steps: { amount: 2 } } });
  expect((await readdir(at('out'))).sort()).toEqual([
    'chunks.svg',
    'comparison.json',
    'curves.tsv',
    'flops.svg',
    'seconds.svg',
    'state.json',
    'steps.svg',
  ]);
  expect(await readFile(at('out/curves.tsv'), 'utf8')).toContain('reported\ttemperature 0.05\t1\t');
  const taken = await run('compare', at('sweep.json'), '--out', at('out'));
  expect([taken.code, taken.err]).toEqual([1, expect.stringContaining('holds a comparison already')]);
  // Done as it is: what is printed is the same table again, for people.
  const again = await run('compare', at('sweep.json'), '--out', at('out'), '--resume');
  expect(again.out).toContain('temperature 0.5');
  expect(again.out).toContain('over 3 seeds, at 2 steps each');
  await writeFile(at('other.json'), JSON.stringify({ ...FILE, seeds: [1, 2, 4] }));
  expect((await run('compare', at('other.json'), '--out', at('out'), '--resume')).err).toContain('seeds is not what');
});

test('what is stopped before its first run leaves its state alone', async () => {
  const control = new AbortController();
  control.abort('SIGINT');
  expect(await main(['compare', at('sweep.json'), '--out', at('stopped')], control.signal)).toBe(130);
  expect(await readdir(at('stopped'))).toEqual(['state.json']);
});

test('bad files are refused by what is wrong with them, before anything is opened', async () => {
  const refused = async (content: string, ...more: string[]): Promise<string> => {
    await writeFile(at('bad.json'), content);
    const { code, err } = await run('compare', at('bad.json'), ...more);
    expect(code).toBe(1);
    return err;
  };
  expect(await refused('{')).toContain('is no JSON');
  expect(await refused(JSON.stringify({ ...FILE, seeds: [1] }))).toContain('seeds takes 3 to 50 entries.');
  expect(await refused(JSON.stringify({ ...FILE, grid: { temprature: [1] } }))).toContain('"temprature"');
  expect(await refused(JSON.stringify({ ...FILE, collection: 'nowhere' }))).toContain('There is no folder or file');
  expect(await refused(JSON.stringify(FILE), '--resume')).toContain('--resume needs --out');
  expect((await run('compare')).err).toContain('Give one file');
  expect((await run('compare', at('none.json'))).code).toBe(1);
});
