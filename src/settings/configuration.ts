import { quoted } from '../base/quote.ts';
import { CONFLICTS } from './conflicts.ts';
import { parseSetting, SettingError, type Setting } from './setting.ts';
import { defaultConfiguration, SETTING_KEYS, SETTINGS, type Configuration, type SettingKey } from './table.ts';

export { defaultConfiguration, SETTING_KEYS, SETTINGS, type Configuration, type SettingKey };

/**
 * Checks changes (from a control, a link, flags) against the settings and lays them over `base`.
 * @throws SettingError for an unknown key, a value out of range, or settings that contradict each other.
 */
export function configure(
  changes: Readonly<Record<string, unknown>>,
  base: Configuration = defaultConfiguration(),
): Configuration {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const setting = Object.hasOwn(SETTINGS, key) ? (SETTINGS as Record<string, Setting>)[key] : undefined;
    if (!setting) throw new SettingError(key, `There is no setting called ${quoted(key)}.`);
    result[key] = parseSetting(key, setting, value);
  }
  const configuration = result as unknown as Configuration;
  const [first] = contradictions(configuration);
  if (first) throw first;
  return configuration;
}

/** What in a configuration does not go together, the most basic first. */
export function contradictions(configuration: Configuration): SettingError[] {
  return CONFLICTS.flatMap(({ at, problem }) => {
    const message = problem(configuration);
    return message === undefined ? [] : [new SettingError(at, message)];
  });
}

/** What a configuration changes against `base`: for labels ("τ 0.02, V-norm off"), links and the dots beside controls. */
export function changedSettings(
  configuration: Configuration,
  base: Configuration = defaultConfiguration(),
): SettingKey[] {
  return SETTING_KEYS.filter((key) => configuration[key] !== base[key]);
}
