import { parseArgs } from 'node:util';
import { configure, SETTING_KEYS, SETTINGS, type Configuration, type SettingKey } from '../lab/configuration.ts';
import { preset, PRESETS } from '../lab/presets.ts';

/** A command line that cannot be carried out; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One command of the program. */
export interface Command {
  readonly name: string;
  /** What comes after the name. */
  readonly usage: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** Its options, one a line. */
  readonly help: string;
  run(args: readonly string[], signal: AbortSignal): Promise<void>;
}

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

/** The values of the options, and what stands between them. @throws UsageError for an option that there is not. */
export function parse<const T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

/** @throws UsageError when there is anything but options. */
export function nothingMore(positionals: readonly string[]): void {
  if (positionals.length > 0)
    throw new UsageError(`What is ${positionals.join(' ')}? Options begin with --. Try: npm run cli -- help`);
}

/** @throws UsageError when the option is missing. */
export function required(name: string, value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing: ${what}.`);
  return value;
}

/** A positive whole number. @throws UsageError */
export function whole(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} takes a positive whole number, not ${text}.`);
  return value;
}

/** Options of every command that takes a run's configuration. */
export const CONFIGURATION_OPTIONS = {
  ...(Object.fromEntries(SETTING_KEYS.map((key) => [key, { type: 'string' }])) as Record<
    SettingKey,
    { type: 'string' }
  >),
  preset: { type: 'string' },
  corpus: { type: 'string' },
  file: { type: 'string' },
  model: { type: 'string' },
  'retriever-model': { type: 'string' },
} as const satisfies Options;

export type ConfigurationValues = { readonly [K in keyof typeof CONFIGURATION_OPTIONS]?: string | undefined };

export const CONFIGURATION_HELP = `  --preset NAME            ${PRESETS.map(({ id }) => id).join(', ')}
                           (default ${PRESETS[0]?.id ?? ''}; gentle with --model)
  --model DIR              a Hugging Face folder of the Qwen2 or Llama family: both models stand on it
  --retriever-model DIR    another one for the retriever
  --corpus NAME            the same as --source
  --file PATH              a text of your own`;

export const SETTINGS_HELP = `and every setting:
${SETTING_KEYS.map((key) => `  --${key.padEnd(23)}${SETTINGS[key].label}: ${SETTINGS[key].help}`).join('\n')}`;

/** Preset and settings of the command line. @throws UsageError, SettingError */
export function readConfiguration(values: ConfigurationValues): { configuration: Configuration; name: string } {
  const chosen = presetOrUsage(values.preset ?? (values.model === undefined ? PRESETS[0]?.id : 'gentle') ?? '');
  const changes: Record<string, unknown> = {};
  if (values.model !== undefined)
    Object.assign(changes, {
      base: 'checkpoint',
      checkpoint: folderName(values.model),
      retrieverCheckpoint: values['retriever-model'] === undefined ? '' : folderName(values['retriever-model']),
    });
  else if (values['retriever-model'] !== undefined)
    throw new UsageError('--retriever-model needs --model: the folder of the language model.');
  for (const key of SETTING_KEYS) if (values[key] !== undefined) changes[key] = values[key];
  if (values.corpus !== undefined) changes['source'] = values.corpus;
  if (values.file !== undefined) changes['source'] = 'text';
  const configuration = configure(changes, chosen.configuration);
  if (configuration.base === 'checkpoint' && values.model === undefined)
    throw new UsageError(
      'A pretrained checkpoint is needed: --model DIR, a folder with config.json, tokenizer.json and model.safetensors.',
    );
  return { configuration, name: chosen.title };
}

/** What a folder is called in a configuration and in adapters made on it: its last part, in characters that a name may have. */
export function folderName(folder: string): string {
  const last =
    folder
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) ?? '';
  return (
    last
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[^\w]+/, '')
      .slice(0, 96) || 'checkpoint'
  );
}

function presetOrUsage(name: string) {
  try {
    return preset(name);
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}
