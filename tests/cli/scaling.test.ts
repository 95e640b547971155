import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ScalingReport } from '../../src/run/scaling/report.ts';
import { isWellFormed } from '../ui/svg.ts';
import { run } from './run.ts';

const TINY = '--chunkTokens 16 --layers 1 --width 16 --heads 2 --kvHeads 1 --mlpWidth 16'.split(' ');
const SHORT = '--steps 1 --warm-up 0 --methods sharp'.split(' ');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-scaling-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('scaling measures, fits, and writes picture and table', async () => {
  const [svg, tsv] = [join(folder, 'cost.svg'), join(folder, 'cost.tsv')];
  const over = ['--over', 'chunks=8:4:6,rank=2'];
  const { code, out } = await run('scaling', ...over, ...SHORT, ...TINY, '--json', '--svg', svg, '--tsv', tsv);
  expect(code).toBe(0);
  const report = JSON.parse(out) as ScalingReport;
  expect(report.curves.map(({ axis, points }) => [axis, points.map(({ value }) => value)])).toEqual([
    ['chunks', [4, 6, 8]],
    ['rank', [2]],
  ]);
  expect(report.curves[0]!.fits.flops!.exponent).toBeGreaterThan(0.8);
  expect(report.curves[1]!.fits.flops).toBeUndefined();
  expect(isWellFormed(await readFile(svg, 'utf8'))).toBe(true);
  expect((await readFile(tsv, 'utf8')).trimEnd().split('\n')).toHaveLength(5);
});

test('scaling in words names the exponents, and what they are claimed to be', async () => {
  const { code, out } = await run('scaling', '--over', 'chunks=4:6', ...SHORT, ...TINY);
  expect(code).toBe(0);
  expect(out).toContain('Over chunks in a batch, B');
  expect(out).toMatch(/exponents over B: time of a step −?[\d.]+, .*work of a step [\d.]+; claimed for its cost: 1/);
});

test.each([
  [['--over', 'width=4'], /--over knows chunks, chunkTokens, rank, not “width”/],
  [['--over', 'chunks=4,chunks=8'], /names an axis twice/],
  [['--over', 'chunks=4:1000'], /--over chunks takes a whole number from 2 to 32, not 1000/],
  [['--over', 'chunks='], /not nothing/],
  [['--methods', 'sharp,dance'], /--methods knows sharp, soft, replug, not “dance”/],
  [['--steps', '0'], /--steps/],
  [['here'], /What is here/],
])('scaling %j is refused before anything is measured', async (args, message) => {
  const { code, out, err } = await run('scaling', ...args);
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(message);
});

test('scaling writes over nothing that is there', async () => {
  const path = join(folder, 'kept.svg');
  await writeFile(path, 'mine');
  const { code, err } = await run('scaling', ...SHORT, ...TINY, '--over', 'chunks=4', '--svg', path);
  expect(code).toBe(1);
  expect(err).toContain('kept.svg');
  expect(await readFile(path, 'utf8')).toBe('mine');
});
