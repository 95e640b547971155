import { BadInputError } from '../base/errors.ts';
import {
  changedSettings,
  configure,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from './configuration.ts';
import { asTheyWereMeant } from './earlierSettings.ts';
import { PRESETS } from './presets.ts';
import { SettingError, type SettingValue } from './setting.ts';

/**
 * A configuration as a short text for links: `v=1&preset=gentle&chunks=16`. It names the preset that it differs from least and
 * then only what differs, by the settings' own names, so that a person can read it and an order of settings means nothing.
 * A preset that has come to mean something else is named in version 2; in version 1 its name means what it did then.
 */
export const CODE_VERSION = 2;
const READ: readonly string[] = ['1', '2'];

/** Longer ones are not read: all settings together take far less. */
const MAXIMUM_LENGTH = 4096;
const MAXIMUM_VALUE_LENGTH = 200;

/** A code that cannot be read. The message says why, and names the setting where there is one. */
export class CodeError extends BadInputError {
  override readonly name = 'CodeError';

  constructor(
    message: string,
    override readonly setting: string | undefined = undefined,
  ) {
    super(message);
  }
}

/** The code of a configuration; the same for the same configuration. */
export function encodeConfiguration(configuration: Configuration): string {
  let best: { readonly id: string; readonly version: number; readonly changed: SettingKey[] } | undefined;
  for (const { id, configuration: base, earlier } of PRESETS) {
    const changed = changedSettings(configuration, base);
    if (!best || changed.length < best.changed.length) best = { id, version: earlier ? CODE_VERSION : 1, changed };
  }
  // A reader's own text always says how it is cut: a code that does not is older than that setting.
  const isWanted = (key: SettingKey): boolean =>
    best?.changed.includes(key) === true || (key === 'chunkFit' && configuration.source === 'text');
  const changes = SETTING_KEYS.filter(isWanted).map((key) => `${key}=${encodeValue(configuration[key])}`);
  return [`v=${best?.version ?? CODE_VERSION}`, `preset=${best?.id ?? ''}`, ...changes].join('&');
}

/** Whether a text claims to be a code, so that it is worth a complaint when it cannot be read. */
export function isCode(text: string): boolean {
  return /^v=/.test(text);
}

/**
 * Reads a code that anybody may have written.
 * @throws CodeError when it is malformed, of another version, names what does not exist or holds what a setting does not take.
 */
export function decodeConfiguration(code: string): Configuration {
  if (code.length > MAXIMUM_LENGTH) throw new CodeError('It is far longer than any configuration.');
  const fields = new Map<string, string>();
  for (const part of code.split('&')) {
    const at = part.indexOf('=');
    if (at < 1) throw new CodeError(`"${shortened(part)}" is not of the form name=value.`);
    const name = part.slice(0, at);
    if (fields.has(name)) throw new CodeError(`It names ${shortened(name)} twice.`, name);
    fields.set(name, decodeText(name, part.slice(at + 1)));
  }
  checkVersion(fields.get('v'));
  const id = fields.get('preset');
  const base = PRESETS.find((one) => one.id === id);
  if (!base) throw new CodeError(`There is no preset called "${shortened(id ?? '')}" here.`, 'preset');
  const meant = (fields.get('v') === '1' && base.earlier) || base.configuration;
  fields.delete('v');
  fields.delete('preset');
  return checked(
    [...fields].map(([key, value]) => [key, decodeValue(key, value)]),
    meant,
  );
}

function checked(changes: readonly (readonly [string, unknown])[], base: Configuration): Configuration {
  try {
    const given = Object.fromEntries(changes);
    const { source } = base;
    return configure(asTheyWereMeant({ source, ...given }), base);
  } catch (error) {
    if (error instanceof SettingError) throw new CodeError(error.message, error.setting);
    throw error;
  }
}

function checkVersion(version: string | undefined): void {
  if (version !== undefined && READ.includes(version)) return;
  const given = shortened(version ?? '');
  const hint = Number(version) > CODE_VERSION ? ' It was made by a newer copy of this page.' : '';
  throw new CodeError(`It is of version "${given}"; this page reads versions ${READ.join(' and ')}.${hint}`, 'v');
}

/** Truth values as 0 and 1; of text only what would end the value, or looks strange in an address, is escaped. */
function encodeValue(value: SettingValue<(typeof SETTINGS)[SettingKey]>): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  return encodeURIComponent(value).replace(/%2F/g, '/').replace(/%40/g, '@').replace(/%2C/g, ',');
}

function decodeText(name: string, value: string): string {
  if (value.length > MAXIMUM_VALUE_LENGTH) throw new CodeError(`The value of ${shortened(name)} is too long.`, name);
  try {
    return decodeURIComponent(value);
  } catch {
    throw new CodeError(`The value of ${shortened(name)} is not encoded as links are.`, name);
  }
}

function decodeValue(key: string, value: string): unknown {
  if (!Object.hasOwn(SETTINGS, key) || SETTINGS[key as SettingKey].kind !== 'switch') return value;
  return value === '1' ? true : value === '0' ? false : value;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
