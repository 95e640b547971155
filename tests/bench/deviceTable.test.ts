import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FOLDER, readReports, tableOf, withTable } from '../../bench/deviceTable.ts';
import type { DeviceReport, MeasuredWork } from '../../src/run/deviceBench/report.ts';

const work = (kind: MeasuredWork['kind'], model: string, share: number): MeasuredWork => ({
  kind,
  model,
  what: 'a work',
  shape: '',
  ms: 1,
  gflops: 1,
  gbytes: 1,
  share,
  deviation: 0,
});

const REPORT: DeviceReport = {
  version: 1,
  date: '2026-03-04',
  host: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0',
  adapter: { vendor: 'acme', architecture: 'anvil', description: '', software: false },
  limits: {},
  sizes: 'full',
  roundTripMs: 0.4,
  launchUs: 12.34,
  peak: { gflops: 3456.7, gbytes: 98.76 },
  works: [
    work('product', 'small', 0.9),
    work('product', 'small', 0.1),
    work('product', 'small', 0.42),
    work('attention', 'Qwen2.5-0.5B', 0.256),
  ],
  steps: [],
  leftOut: [],
};

test('the table says of each device what it does at most, and the middle share of that', () => {
  const [head = '', rule = '', row = ''] = tableOf([REPORT]).split('\n');
  expect(row.split('|').map((cell) => cell.trim())).toEqual([
    '',
    'acme anvil',
    'Edge 147, 2026-03-04',
    'full',
    '3,457',
    '98.8',
    '12.3',
    '42 %',
    '–',
    '–',
    '26 %',
    '–',
    '',
  ]);
  expect([rule.length, row.length]).toEqual([head.length, head.length]);
});

test('it takes the place of the table that was there, and of nothing else', () => {
  const text = 'Before.\n\n<!-- table: npm run bench:devices -->\nold\n<!-- end of table -->\n\nAfter.\n';
  const once = withTable(text, [REPORT]);
  expect(once).toBe(text.replace('\nold\n', `\n\n${tableOf([REPORT])}\n\n`));
  expect(withTable(once, [REPORT])).toBe(once);
  expect(() => withTable('No marks.', [REPORT])).toThrow('no place for the table');
});

test('the table in the repository is that of the reports beside it', async () => {
  const text = await readFile(join(FOLDER, 'README.md'), 'utf8');
  const reports = await readReports(FOLDER);
  expect(reports.length).toBeGreaterThan(0);
  expect(withTable(text, reports)).toBe(text);
});

test('a file that is no report is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'revela-devices-'));
  await writeFile(join(folder, 'other.json'), '{"version":2}');
  await expect(readReports(folder)).rejects.toThrow('other.json is no report of a device');
  await rm(folder, { recursive: true });
});
