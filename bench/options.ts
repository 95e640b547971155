import { parseArgs } from 'node:util';

export const TABLES = ['kernels', 'attention', 'recording', 'host', 'step', 'bytes', 'work', 'memory'] as const;

export type Table = (typeof TABLES)[number];

export interface BenchOptions {
  readonly help: boolean;
  /** Empty: all tables but memory. */
  readonly only: readonly Table[];
  /** undefined: as suits the GPU. */
  readonly quick: boolean | undefined;
  readonly json: boolean;
  /** Steps of the memory run; undefined: none was asked for. */
  readonly memory: number | undefined;
}

/** A command line that makes no sense; the message says what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args);
  const words = positionals.filter((word) => word !== 'help');
  const unknown = words.find((word) => !isTable(word));
  if (unknown !== undefined) throw new UsageError(`What is ${unknown}? Try: npm run bench -- help`);
  if (values.quick && values.full) throw new UsageError('--quick and --full exclude each other.');
  return {
    help: words.length < positionals.length || values.help === true,
    only: [...words, ...(values.only ?? [])].map((name) => {
      if (!isTable(name)) throw new UsageError(`--only takes ${TABLES.join(', ')}, not ${name}.`);
      return name;
    }),
    quick: values.quick ? true : values.full ? false : undefined,
    json: values.json === true,
    memory: values.memory === undefined ? undefined : steps(values.memory),
  };
}

function isTable(name: string): name is Table {
  return TABLES.some((table) => table === name);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean' },
        full: { type: 'boolean' },
        json: { type: 'boolean' },
        memory: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

function steps(text: string): number {
  const value = Number(text);
  // The first tenth is what the others are compared with.
  if (!Number.isInteger(value) || value < 10)
    throw new UsageError(`--memory takes a whole number of steps from 10, not ${text}.`);
  return value;
}
