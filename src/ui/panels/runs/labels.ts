import {
  changedSettings,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from '../../../settings/configuration.ts';
import { PRESETS } from '../../../settings/presets.ts';

/** More settings than this are counted, not named, unless they are what tells two runs apart. */
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
    case 'several':
      return `${setting.label} ${String(value).replaceAll(',', ', ')}`;
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
 * For each of several configurations, what tells it from the others: the settings that are not the same in all of them, those
 * first without which two of the texts would be the same. Empty texts where all are the same.
 */
export function differences(configurations: readonly Configuration[]): string[] {
  const [first] = configurations;
  const keys = SETTING_KEYS.filter((key) => configurations.some((one) => one[key] !== first?.[key]));
  const needed = separating(configurations, keys);
  const filled = [...needed, ...keys.filter((key) => !needed.includes(key))];
  const named = keys.filter((key) => filled.indexOf(key) < Math.max(NAMED, needed.length));
  return configurations.map((one) =>
    more(
      named.map((key) => settingWords(key, one)),
      keys.length - named.length,
    ),
  );
}

/** Few settings that tell every two different configurations apart: each time the one that separates most of those left. */
function separating(configurations: readonly Configuration[], keys: readonly SettingKey[]): SettingKey[] {
  const chosen: SettingKey[] = [];
  let pairs = configurations.flatMap((one, i) => configurations.slice(i + 1).map((other) => [one, other] as const));
  const together = (key: SettingKey): typeof pairs => pairs.filter(([one, other]) => one[key] === other[key]);
  for (;;) {
    const best = keys.reduce<SettingKey | undefined>((found, key) => {
      const least = found === undefined ? pairs.length : together(found).length;
      return together(key).length < least ? key : found;
    }, undefined);
    if (best === undefined) return chosen;
    chosen.push(best);
    pairs = together(best);
  }
}

function listed(words: readonly string[]): string {
  return more(words.slice(0, NAMED), Math.max(0, words.length - NAMED));
}

function more(words: readonly string[], count: number): string {
  return count > 0 ? `${words.join(', ')} and ${count} more` : words.join(', ');
}
