import { openNodeRuntime } from '../src/cli/support/nodeGpu.ts';
import { NODE_HOST } from '../src/cli/support/tuneTiles.ts';
import { measureDevice } from '../src/run/deviceBench/measure.ts';
import { measurePrecision } from '../src/run/precision/measure.ts';
import { inWords, verdictOf, type MeasuredChoice } from '../src/run/precision/report.ts';
import { configure } from '../src/settings/configuration.ts';
import { deviceName, type DeviceReport } from '../src/run/deviceBench/report.ts';
import type { ProductRecord } from '../src/run/record.ts';
import { UsageError } from './options.ts';
import { formatNumber, formatShare, formatTable, type Column } from './table.ts';

/**
 * `npm run bench -- device [--json]`: what this machine's GPU does at most, and what the kernels and a step make of it
 * (src/run/deviceBench). As a table, or as one JSON object for docs/devices.
 */
export async function benchDevice(args: readonly string[], signal: AbortSignal): Promise<void> {
  const [flag, ...rest] = args;
  if ((flag !== undefined && flag !== '--json') || rest.length > 0)
    throw new UsageError('npm run bench -- device takes --json and nothing else.');
  const isJson = flag === '--json';
  const { gpu } = await openNodeRuntime();
  const onProgress = ({ done, total, now }: { done: number; total: number; now: string }): void =>
    void process.stderr.write(now === '' ? '' : `${done} of ${total}: ${now}\n`);
  const device = await measureDevice({ gpu, host: NODE_HOST, date: new Date(), signal, onProgress });
  const precision = await measurePrecision({
    gpu,
    recipe: { configuration: configure({}), text: undefined, title: undefined },
    openBases: () => Promise.reject(new Error('The default preset stands on no checkpoint: this is a bug.')),
    warmUp: 3,
    steps: gpu.info.software ? 7 : 30,
    signal,
    onProgress,
  });
  const report: DeviceReport = { ...device, precision };
  process.stdout.write(isJson ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report));
}

const WORK_COLUMNS: readonly Column[] = [
  { key: 'model', title: 'model' },
  { key: 'what', title: 'what' },
  { key: 'shape', title: 'shape' },
  { key: 'ms', title: 'ms' },
  { key: 'gflops', title: 'GFLOP/s' },
  { key: 'gbytes', title: 'GB/s' },
  { key: 'share', title: 'of peak', format: formatShare },
  { key: 'deviation', title: 'off f64 by', format: (value) => value.toExponential(1) },
];

function tileText({ layout, m, n, k, dtype, tile, byRule, times }: ProductRecord): string {
  const all = Object.entries(times).map(([name, ms]) => `${name} ${formatNumber(ms)} ms`);
  const taken = tile === byRule ? `${tile}, as by rule` : `${tile} instead of ${byRule}`;
  return `Tile of ${layout} ${m} × ${n}, K ${k}, ${dtype}: ${taken} (${all.join(', ')})`;
}

function choiceText({
  label,
  ms,
  usualMs,
  steps,
  deviation: { loss, gradientNorm, gradient, worst },
}: MeasuredChoice): string {
  const off =
    gradient === 0
      ? 'the same to the bit'
      : `loss off by ${inWords(loss)}, gradient norm by ${inWords(gradientNorm)}, ${worst} by ${inWords(gradient)}`;
  return `${label}: ${formatNumber(ms)} ms a step, ${formatNumber(usualMs)} as usual (${steps} of each); ${off}`;
}

/** A report for people. */
export function textOf(report: DeviceReport): string {
  const { host, date, sizes, roundTripMs, launchUs, peak, workgroups, tiles, works, steps, precision, leftOut } =
    report;
  const rows = works.map((work) => ({ ...work }));
  return [
    `${deviceName(report)}, ${host}, ${date}; ${sizes} sizes`,
    `At most ${formatNumber(peak.gflops)} GFLOP/s and ${formatNumber(peak.gbytes)} GB/s; ${formatNumber(roundTripMs)} ms from sending to the answer, ${formatNumber(launchUs)} µs a launch.`,
    ...(workgroups === undefined ? [] : [`Workgroups that keep it busy: ${formatNumber(workgroups)}.`]),
    ...(tiles?.measured ?? []).map(tileText),
    '',
    formatTable(WORK_COLUMNS, rows),
    '',
    ...steps.map(
      ({ what, ms, range: [least, most], steps: count, tokens, gflops }) =>
        `${what}: ${formatNumber(ms)} ms (${formatNumber(least)} to ${formatNumber(most)}, ${count} steps), ${tokens} tokens, ${formatNumber(gflops)} GFLOP/s`,
    ),
    ...(precision ? ['', ...precision.measured.map(choiceText), verdictOf(precision)] : []),
    ...[...leftOut, ...(precision?.leftOut ?? [])].map((why) => `Left out or smaller: ${why}`),
    '',
  ].join('\n');
}
