import { BadInputError } from '../../base/errors.ts';
import { parseArgs } from 'node:util';
import { FORMATS } from '../../corpus/sources/readers/readers.ts';
import { whereItApplies, whyIdle } from '../../settings/applicability.ts';
import {
  configure,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from '../../settings/configuration.ts';
import { preset, PRESETS } from '../../settings/presets.ts';
import type { Setting } from '../../settings/setting.ts';

/** A command line that cannot be carried out; the message says why. */
export class UsageError extends BadInputError {
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

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>>;

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

/** More than any option counts: a slip of the finger, not a wish. */
const MOST = 1_000_000_000;

/** A whole number from `least` to `most`. @throws UsageError */
export function whole(
  name: string,
  text: string | undefined,
  fallback: number,
  { least = 1, most = MOST }: { least?: number; most?: number } = {},
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new UsageError(
      `--${name} takes a whole number from ${least} to ${most.toLocaleString('en-US')}, not ${text === '' ? 'nothing' : text}.`,
    );
  return value;
}

/** A number from `least` to `most`. @throws UsageError */
export function decimal(
  name: string,
  text: string | undefined,
  fallback: number,
  { least, most }: { least: number; most: number },
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new UsageError(`--${name} takes a number from ${least} to ${most}, not ${text === '' ? 'nothing' : text}.`);
  return value;
}

/** Settings that follow from --model: what the page calls checkpoints is a folder here. */
const FOLLOWING = ['base', 'checkpoint', 'retrieverCheckpoint'] as const satisfies readonly SettingKey[];
type FlagKey = Exclude<SettingKey, (typeof FOLLOWING)[number]>;
const FLAG_KEYS = SETTING_KEYS.filter((key): key is FlagKey => !(FOLLOWING as readonly string[]).includes(key));

/** Options of every command that takes a run's configuration. */
export const CONFIGURATION_OPTIONS = {
  ...(Object.fromEntries(FLAG_KEYS.map((key) => [key, { type: 'string' }])) as Record<FlagKey, { type: 'string' }>),
  preset: { type: 'string' },
  corpus: { type: 'string' },
  file: { type: 'string', multiple: true },
  documents: { type: 'string' },
  model: { type: 'string' },
  'model-name': { type: 'string' },
  'retriever-model': { type: 'string' },
} as const satisfies Options;

export type ConfigurationValues = {
  readonly [K in Exclude<keyof typeof CONFIGURATION_OPTIONS, 'file'>]?: string | undefined;
} & { readonly file?: readonly string[] | undefined };

/** Help on texts of one's own, for every command that reads them. */
export const FILE_HELP = `  --file PATH              a text of your own: a file (${FORMATS.flatMap(({ extensions: [first] }) => `.${first}`).join(', ')} …) or a folder of them;
                           may be given several times
  --documents UNIT         what a document is, the same as --documentUnit: ${SETTINGS.documentUnit.choices.map(({ value }) => value).join(', ')}
  --column NAME            the column of .csv, .tsv and .jsonl files that holds the text`;

export const CONFIGURATION_HELP = `  --preset NAME            ${PRESETS.map(({ id }) => id).join(', ')}
                           (default ${PRESETS[0]?.id ?? ''}; gentle with --model)
  --model PATH             a Hugging Face folder of the Qwen or Llama family, or a GGUF file: both models stand on it
  --model-name NAME        what adapters are to call it: its id on the hub (default: the folder's or file's name)
  --retriever-model PATH   another one for the retriever
  --corpus NAME            the same as --source
${FILE_HELP}`;

/** Settings of the page that no command reads. */
const IDLE_HERE: Readonly<Partial<Record<FlagKey, string>>> = {
  autosaveEvery: 'It is for the page; here --checkpoint FILE and --checkpoint-every N save a run.',
};

export const SETTINGS_HELP = `and every setting:
${FLAG_KEYS.map((key) => `  --${key.padEnd(23)}${helpOf(key)}`).join('\n')}`;

function helpOf(key: FlagKey): string {
  const { label, help, cost }: Setting = SETTINGS[key];
  const where = IDLE_HERE[key] ?? whereItApplies(key);
  return [`${label}: ${help}`, cost?.words, where && `[${where}]`].filter(Boolean).join(' ');
}

/** A word on each flag that was given and changes nothing in this configuration. */
export function idleFlags(values: ConfigurationValues, configuration: Configuration): string[] {
  return FLAG_KEYS.flatMap((key) => {
    const why = values[key] === undefined ? undefined : (IDLE_HERE[key] ?? whyIdle(key, configuration));
    return why === undefined ? [] : [`--${key} changes nothing here: ${why}`];
  });
}

/**
 * Preset and settings of the command line; with a saved run, its settings in place of a preset's. Flags that change nothing
 * are named on standard error.
 * @throws UsageError, SettingError
 */
export function readConfiguration(
  values: ConfigurationValues,
  saved?: Readonly<Record<string, unknown>>,
): { configuration: Configuration; name: string } {
  const { model, 'retriever-model': retrieverModel } = values;
  if (saved && values.preset !== undefined)
    throw new UsageError(
      'A saved run has its own settings: leave out --preset, and give what should differ by itself.',
    );
  const chosen = saved
    ? { title: 'Saved run', configuration: configure(saved) }
    : presetOrUsage(values.preset ?? (model === undefined ? PRESETS[0]?.id : 'gentle') ?? '');
  const changes: Record<string, unknown> = {};
  // A saved run keeps the names of its checkpoints; the folders only say where they lie here.
  if (model !== undefined && !saved)
    Object.assign(changes, {
      base: 'checkpoint',
      checkpoint: values['model-name'] ?? folderName(model),
      retrieverCheckpoint: retrieverModel === undefined ? '' : folderName(retrieverModel),
    });
  if (model === undefined && retrieverModel !== undefined)
    throw new UsageError('--retriever-model needs --model: the folder of the language model.');
  for (const key of FLAG_KEYS) if (values[key] !== undefined) changes[key] = values[key];
  if (values.corpus !== undefined) changes['source'] = values.corpus;
  Object.assign(changes, ownTextChanges(values));
  const configuration = configure(changes, chosen.configuration);
  for (const note of idleFlags(values, configuration)) process.stderr.write(`note: ${note}\n`);
  if (configuration.base === 'checkpoint' && model === undefined)
    throw new UsageError(
      'A pretrained checkpoint is needed: --model PATH, a folder with config.json, tokenizer.json and model.safetensors, or a GGUF file.',
    );
  if (configuration.base === 'scratch' && model !== undefined)
    throw new UsageError('The saved run has small models of its own: leave out --model.');
  const { checkpoint, retrieverCheckpoint } = configuration;
  if (saved && !['', checkpoint].includes(retrieverCheckpoint) && retrieverModel === undefined)
    throw new UsageError(
      `The retriever of the saved run stands on ${retrieverCheckpoint}: say where with --retriever-model PATH.`,
    );
  return { configuration, name: chosen.title };
}

/** What flags on a text of one's own change. A chunk length that is given is meant. */
export function ownTextChanges(values: {
  readonly file?: readonly string[] | undefined;
  readonly documents?: string | undefined;
  readonly chunkTokens?: string | undefined;
  readonly chunkFit?: string | undefined;
}): Record<string, unknown> {
  const { file, documents, chunkTokens, chunkFit } = values;
  return {
    ...(file !== undefined && { source: 'text' }),
    ...(documents !== undefined && { documentUnit: documents }),
    ...(chunkTokens !== undefined && chunkFit === undefined && { chunkFit: 'fixed' }),
  };
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
