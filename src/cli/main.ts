import { parseArgs } from 'node:util';
import { CorpusError } from '../corpus/errors.ts';
import { ModelFileError } from '../files/byteSource.ts';
import { SafetensorsError } from '../files/safetensors.ts';
import { GpuError } from '../gpu/errors.ts';
import { configure, SETTING_KEYS, SETTINGS, type SettingKey } from '../lab/configuration.ts';
import { preset, PRESETS } from '../lab/presets.ts';
import { SettingError } from '../lab/setting.ts';
import { ModelConfigError } from '../models/config.ts';
import { TrainingDivergedError } from '../training/trainer.ts';
import { GoldenFolderError } from './goldenFolder.ts';
import { openNodeContext } from './nodeGpu.ts';
import { stepCommand } from './step.ts';
import { trainCommand } from './train.ts';

const HELP = `The Revela playground on the command line.

  train   trains the two small models and prints what happens
    --preset NAME     ${PRESETS.map(({ id }) => id).join(', ')} (default ${PRESETS[0]?.id ?? ''})
    --corpus NAME     the same as --source
    --file PATH       a text of your own
    --steps N         updates to make (default 500)
    --every N         print the metrics of every Nth step (default 10)
    --json            one JSON object a line, from step 1 on
    --record FILE     write the run, with its matrices, as the page replays it
    and every setting:
${SETTING_KEYS.map((key) => `    --${key.padEnd(20)} ${SETTINGS[key].label}: ${SETTINGS[key].help}`).join('\n')}

  step DIR --out FILE   runs one step of a golden folder: prints its losses, S and A, writes its tensors
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Errors whose message is meant for the person at the keyboard; all others show their stack. */
const FRIENDLY = [
  UsageError, SettingError, CorpusError, ModelFileError, SafetensorsError, ModelConfigError, GoldenFolderError, GpuError,
  TrainingDivergedError,
]; // prettier-ignore

/** Entry of `npm run cli`. Returns the exit code. */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case 'train':
        await train(rest, signal);
        return 0;
      case 'step':
        await step(rest);
        return 0;
      case undefined:
      case 'help':
      case '--help':
        process.stdout.write(HELP);
        return 0;
      default:
        throw new UsageError(`There is no command ${command}. Try: npm run cli -- help`);
    }
  } catch (cause) {
    if (!FRIENDLY.some((type) => cause instanceof type)) throw cause;
    process.stderr.write(`${(cause as Error).message}\n`);
    return 1;
  }
}

function parse<const T extends Record<string, { type: 'string' | 'boolean' }>>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

async function step(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args, { out: { type: 'string' } });
  const [folder] = positionals;
  if (folder === undefined || values.out === undefined)
    throw new UsageError('Usage: npm run cli -- step DIR --out FILE');
  const context = await openNodeContext();
  await stepCommand(context, folder, values.out);
}

async function train(args: readonly string[], signal: AbortSignal): Promise<void> {
  const settings = Object.fromEntries(SETTING_KEYS.map((key) => [key, { type: 'string' }])) as Record<
    SettingKey,
    { type: 'string' }
  >;
  const own = {
    preset: { type: 'string' },
    corpus: { type: 'string' },
    file: { type: 'string' },
    steps: { type: 'string' },
    every: { type: 'string' },
    json: { type: 'boolean' },
    record: { type: 'string' },
  } as const;
  const { values, positionals } = parse(args, { ...settings, ...own });
  if (positionals.length > 0) throw new UsageError(`What is ${positionals.join(' ')}? Try: npm run cli -- help`);
  const changes: Record<string, unknown> = {};
  for (const key of SETTING_KEYS) if (values[key] !== undefined) changes[key] = values[key];
  if (values.corpus !== undefined) changes['source'] = values.corpus;
  if (values.file !== undefined) changes['source'] = 'text';
  const name = typeof values.preset === 'string' ? values.preset : (PRESETS[0]?.id ?? '');
  const base = presetOrUsage(name);
  await trainCommand({
    configuration: configure(changes, base.configuration),
    name: base.title,
    file: values.file,
    steps: whole('steps', values.steps, 500),
    every: whole('every', values.every, 10),
    json: values.json === true,
    record: values.record,
    signal,
  });
}

function presetOrUsage(name: string) {
  try {
    return preset(name);
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

function whole(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} takes a positive whole number, not ${text}.`);
  return value;
}
