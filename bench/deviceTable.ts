import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceName, middleShare, type DeviceReport } from '../src/run/deviceBench/report.ts';
import type { KnownTable } from '../src/run/tuning/knownTables.ts';
import { formatNumber } from './table.ts';

/** Where reports are collected. */
export const FOLDER = 'docs/devices';
const BEGIN = '<!-- table: npm run bench:devices -->';
const END = '<!-- end of table -->';

/** Tiles that were measured on these devices: others of their kind begin with them. */
export const KNOWN_TABLES = 'src/run/tuning/knownTables.json';

/** Entry of `npm run bench:devices`: makes the table in docs/devices/README.md, and the one of known tiles, of the reports beside it. */
export async function main(): Promise<number> {
  await makeTables(FOLDER, KNOWN_TABLES);
  return 0;
}

/** Makes the table in a folder's README.md, and the one of known tiles in the file `known`, of the reports in that folder. */
export async function makeTables(folder: string, known: string): Promise<void> {
  const path = join(folder, 'README.md');
  const reports = await readReports(folder);
  await writeFile(path, withTable(await readFile(path, 'utf8'), reports));
  await writeFile(known, `${JSON.stringify(knownTables(reports), undefined, 2)}\n`);
}

/** The tiles of each report that has some; of a device that was measured twice with the same kernels, the later ones. */
export function knownTables(reports: readonly DeviceReport[]): KnownTable[] {
  const tables = new Map<string, KnownTable>();
  for (const { adapter, tiles, workgroups } of reports.toSorted((a, b) => a.date.localeCompare(b.date))) {
    const { vendor, architecture } = adapter;
    if (!tiles || tiles.measured.length === 0) continue;
    const known = { vendor, architecture, ...tiles, ...(workgroups !== undefined && { workgroups }) };
    tables.set(JSON.stringify([vendor, architecture, tiles.kernels]), known);
  }
  return [...tables.values()];
}

/** All reports of a folder, by the names of their files. @throws Error for a file that is none */
export async function readReports(folder: string): Promise<DeviceReport[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name) => {
      const report = JSON.parse(await readFile(join(folder, name), 'utf8')) as DeviceReport;
      if (report.version !== 1 || !Array.isArray(report.works))
        throw new Error(
          `${name} is no report of a device. Take the JSON that the page or npm run bench -- device gives.`,
        );
      return report;
    }),
  );
}

/** A text with the table of these reports between its marks. @throws Error where there are no marks */
export function withTable(text: string, reports: readonly DeviceReport[]): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The text has no place for the table: ${BEGIN} … ${END}.`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${tableOf(reports)}\n\n${text.slice(end)}`;
}

const HEAD = [
  'device',
  'measured in',
  'sizes',
  'GFLOP/s at most',
  'GB/s at most',
  'µs a launch',
  'small products',
  'small attention',
  'Qwen products',
  'Qwen attention',
  'small step, ms',
];

/** A line per report, in markdown as prettier has it. */
export function tableOf(reports: readonly DeviceReport[]): string {
  const rows = reports.map((report) => {
    const { host, date, sizes, peak, launchUs, steps } = report;
    const share = (kind: 'product' | 'attention', model: string): string => {
      const middle = middleShare(report, kind, model);
      return middle === undefined ? '–' : `${Math.round(100 * middle)} %`;
    };
    return [
      deviceName(report),
      `${shortHost(host)}, ${date}`,
      sizes,
      formatNumber(peak.gflops),
      formatNumber(peak.gbytes),
      formatNumber(launchUs),
      share('product', 'small'),
      share('attention', 'small'),
      share('product', 'Qwen2.5-0.5B'),
      share('attention', 'Qwen2.5-0.5B'),
      steps[0] ? formatNumber(steps[0].ms) : '–',
    ];
  });
  const widths = HEAD.map((title, c) =>
    Math.max(...[title, ...rows.map((row) => row[c] ?? '')].map(({ length }) => length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, c) => cell.padEnd(widths[c] ?? 0)).join(' | ')} |`;
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** What browsers call themselves in their user agents; the first that is there, since they name each other too. */
const BROWSERS = [
  [/Edg\/(\d+)/, 'Edge'],
  [/Firefox\/(\d+)/, 'Firefox'],
  [/Chrome\/(\d+)/, 'Chrome'],
  [/Version\/(\d+).*Safari/, 'Safari'],
] as const;

/** "Chrome 147" of a user agent; what is none stays as it is. */
function shortHost(host: string): string {
  for (const [pattern, name] of BROWSERS) {
    const version = pattern.exec(host)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return host.replaceAll('|', ' ');
}
