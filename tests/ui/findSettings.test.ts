import { expect, test } from 'vitest';
import { SETTING_KEYS, SETTINGS } from '../../src/settings/configuration.ts';
import { findSettings } from '../../src/ui/panels/settings/findSettings.ts';

test('nothing asked finds all settings, in their order', () => {
  expect(findSettings('')).toEqual(SETTING_KEYS);
  expect(findSettings('  ')).toEqual(SETTING_KEYS);
});

test.each([
  ['a word of the label', 'v-normalisation', 'vNorm'],
  ['a key', 'contextGate', 'contextGate'],
  ['part of a word, in capitals', 'TEMPERA', 'temperature'],
  ['words of the help, in any order', 'shouts no chunk', 'vNorm'],
  ['what can be chosen', 'bm25', 'attention'],
  ['a letter that the keyboard has not', 'tau', 'temperature'],
  ['that letter itself', 'γ', 'contextGate'],
  ['a straight apostrophe', "retriever's", 'attention'],
] as const)('%s finds it', (_, query, key) => {
  expect(findSettings(query)).toContain(key);
});

test('every setting is found by its label and by its key, and each word narrows', () => {
  for (const key of SETTING_KEYS) {
    expect(findSettings(key)).toContain(key);
    expect(findSettings(SETTINGS[key].label)).toContain(key);
    const narrower = findSettings(`${SETTINGS[key].label} ${key}`);
    expect(narrower).toContain(key);
    expect(findSettings(SETTINGS[key].label)).toEqual(expect.arrayContaining(narrower));
  }
  expect(findSettings('temperature').length).toBeLessThan(SETTING_KEYS.length / 2);
  expect(findSettings('no such thing')).toEqual([]);
});
