import { SETTING_KEYS, SETTINGS, type SettingKey } from '../../../settings/configuration.ts';
import type { Setting } from '../../../settings/setting.ts';

/** How Greek letters of labels are typed by those whose keyboard has none. */
const GREEK: Readonly<Record<string, string>> = { α: 'alpha', β: 'beta', γ: 'gamma', ε: 'epsilon', τ: 'tau' };

/**
 * The settings that speak of every word of a query, in the order of the table: in their label, help, key, paper's value, or in what
 * can be chosen. All of them where nothing is asked. Part of a word is enough; letter case and accents say nothing.
 */
export function findSettings(query: string): SettingKey[] {
  const wanted = folded(query).split(/\s+/).filter(Boolean);
  return SETTING_KEYS.filter((key) => wanted.every((word) => texts[key].includes(word)));
}

const texts = Object.fromEntries(SETTING_KEYS.map((key) => [key, textOf(key, SETTINGS[key])])) as Record<
  SettingKey,
  string
>;

function textOf(key: SettingKey, setting: Setting): string {
  const chosen =
    setting.kind === 'choice'
      ? setting.choices.flatMap(({ value, label, help }) => [value, label, help])
      : setting.kind === 'several'
        ? setting.choices
        : [];
  return folded(
    [key, setting.label, setting.help, setting.paper ?? '', setting.cost?.words ?? '', ...chosen].join('\n'),
  );
}

function folded(text: string): string {
  return text
    .replace(/[αβγετ]/g, (letter) => `${letter} ${GREEK[letter] ?? ''}`)
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replaceAll('’', "'")
    .toLowerCase();
}
