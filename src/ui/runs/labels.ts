import {
  changedSettings,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from '../../lab/configuration.ts';
import { PRESETS } from '../../lab/presets.ts';

/** More settings than this are counted, not named. */
const NAMED = 3;

/** A setting with its value in a few words: "Temperature τ 0.02", "V-normalisation off", "Attention: Uniform". */
export function settingWords(key: SettingKey, configuration: Configuration): string {
  const setting = SETTINGS[key];
  const value = configuration[key];
  switch (setting.kind) {
    case 'switch':
      return `${setting.label} ${value === true ? 'on' : 'off'}`;
    case 'choice':
      return `${setting.label}: ${setting.choices.find((choice) => choice.value === value)?.label ?? String(value)}`;
    case 'text':
      return `${setting.label} ${value === '' ? setting.placeholder : value}`;
    case 'number':
      return `${setting.label} ${value}`;
  }
}

/** What a run is called until somebody gives it a name: the preset nearest to it, and what it changes. */
export function configurationName(configuration: Configuration): string {
  let best: { readonly title: string; readonly changed: SettingKey[] } | undefined;
  for (const { title, configuration: base } of PRESETS) {
    const changed = changedSettings(configuration, base);
    if (!best || changed.length < best.changed.length) best = { title, changed };
  }
  if (!best || best.changed.length === 0) return best?.title ?? '';
  return `${best.title}: ${listed(best.changed.map((key) => settingWords(key, configuration)))}`;
}

/**
 * For each of several configurations, what tells it from the others: the settings that are not the same in all of them.
 * Empty texts where all are the same.
 */
export function differences(configurations: readonly Configuration[]): string[] {
  const [first] = configurations;
  const keys = SETTING_KEYS.filter((key) => configurations.some((one) => one[key] !== first?.[key]));
  return configurations.map((one) => listed(keys.map((key) => settingWords(key, one))));
}

function listed(words: readonly string[]): string {
  const named = words.slice(0, NAMED).join(', ');
  return words.length > NAMED ? `${named} and ${words.length - NAMED} more` : named;
}
