import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Dispatch } from '../src/gpu/commands.ts';
import { COUNTED_STEPS, dispatchesOf } from './countedSteps.ts';
import { UsageError } from './options.ts';
import { formatBytes, formatNumber, formatTable, type Column, type Row } from './table.ts';

/** Where the figures of this version of the engine are kept: its history is theirs. */
export const KEPT = 'bench/merit.json';

/**
 * A GPU that nobody has, so that one figure can weigh what a step is made of: in the order of size of a good laptop's, as far as such
 * figures are published. It is there to compare versions of the engine with each other; what a real GPU takes is for
 * `npm run bench -- device` to say.
 */
export const IMAGINED = { flopsPerSecond: 3e12, bytesPerSecond: 100e9, secondsPerDispatch: 10e-6 } as const;

/** What a training step asks of a GPU. */
export interface Merit {
  /** The figure of merit: ms of the step on the imagined GPU. Less is better. */
  readonly ms: number;
  readonly dispatches: number;
  /** Kernels with their constants: what is compiled for it. */
  readonly pipelines: number;
  readonly bytes: number;
  readonly flops: number;
}

export type Merits = Readonly<Record<string, Merit>>;

/** Each dispatch takes its overhead, and the longer of its operations and its bytes. */
export function meritOf(dispatches: readonly Dispatch[]): Merit {
  const sum = (each: (dispatch: Dispatch) => number) => dispatches.reduce((all, one) => all + each(one), 0);
  const seconds = sum(
    ({ flops, bytes }) =>
      IMAGINED.secondsPerDispatch + Math.max(flops / IMAGINED.flopsPerSecond, bytes / IMAGINED.bytesPerSecond),
  );
  return {
    ms: Number((1000 * seconds).toPrecision(6)),
    dispatches: dispatches.length,
    pipelines: new Set(dispatches.map(({ kernel, constants = {} }) => `${kernel} ${JSON.stringify(constants)}`)).size,
    bytes: sum(({ bytes }) => bytes),
    flops: sum(({ flops }) => flops),
  };
}

/** Of all counted steps, by their names. Needs no GPU, and is the same on every machine. */
export async function merits(signal: AbortSignal): Promise<Merits> {
  const all: Record<string, Merit> = {};
  for (const counted of COUNTED_STEPS) {
    signal.throwIfAborted();
    all[counted.step] = meritOf(await dispatchesOf(counted));
  }
  return all;
}

const WRITTEN: Readonly<Record<keyof Merit, { readonly title: string; readonly format: (value: number) => string }>> = {
  ms: { title: 'imagined ms', format: formatNumber },
  dispatches: { title: 'dispatches', format: formatNumber },
  pipelines: { title: 'pipelines', format: formatNumber },
  bytes: { title: 'bytes', format: formatBytes },
  flops: { title: 'GFLOP', format: (value) => formatNumber(value / 1e9) },
};

const FIGURES = Object.keys(WRITTEN) as (keyof Merit)[];

const COLUMNS: readonly Column[] = [
  { key: 'step', title: 'step' },
  ...FIGURES.map((key) => ({ key, title: WRITTEN[key].title })),
];

/** A row for each step: its figures, and how far each is from the one that is kept, where it is. */
export function compared(now: Merits, kept: Merits): Row[] {
  return Object.entries(now).map(([step, merit]) => ({
    step,
    ...Object.fromEntries(
      FIGURES.map((key) => {
        const before = kept[step]?.[key];
        const written = WRITTEN[key].format(merit[key]);
        return [
          key,
          before === undefined || before === merit[key] ? written : `${written} (${change(merit[key], before)})`,
        ];
      }),
    ),
  }));
}

function change(now: number, before: number): string {
  const percent = 100 * (now / before - 1);
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(2)} %`;
}

/** `npm run bench -- merit`: what a step asks of a GPU, against what it asked when that was last kept. */
export async function benchMerit(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { keep, json } = parse(args);
  const [now, kept] = [await merits(signal), JSON.parse(await readFile(KEPT, 'utf8')) as Merits];
  if (keep) await writeFile(KEPT, `${JSON.stringify(now, undefined, 2)}\n`);
  if (json) process.stdout.write(`${JSON.stringify(now)}\n`);
  else
    process.stdout.write(
      `Work of a training step by the ops’ own counts, for the tiles of a usual GPU; in brackets the change since ${KEPT}.\n` +
        'The imagined GPU makes 3 TFLOP/s, moves 100 GB/s and takes 10 µs for a dispatch besides.\n\n' +
        `${formatTable(COLUMNS, compared(now, kept))}\n`,
    );
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { keep: { type: 'boolean' }, json: { type: 'boolean' } } }).values;
  } catch {
    throw new UsageError('merit takes --keep and --json, and nothing else.');
  }
}
