import { describe, expect, test } from 'vitest';
import {
  changedSettings,
  configure,
  defaultConfiguration,
  SETTING_KEYS,
  SETTINGS,
} from '../../src/settings/configuration.ts';
import { preset, PRESETS } from '../../src/settings/presets.ts';
import { SettingError, type Setting } from '../../src/settings/setting.ts';

test('every setting has words, and a default that it takes itself', () => {
  for (const key of SETTING_KEYS) {
    const setting: Setting = SETTINGS[key];
    expect(setting.label.length, key).toBeGreaterThan(0);
    expect(setting.help, key).toMatch(/\.$/);
    expect(() => configure({ [key]: setting.default }), key).not.toThrow();
  }
});

test('values arrive typed from text, as flags and links carry them', () => {
  const all = Object.fromEntries(SETTING_KEYS.map((key) => [key, String(SETTINGS[key].default)]));
  expect(configure(all)).toEqual(defaultConfiguration());
  expect(configure({ temperature: '2e-2', vNorm: 'false', source: 'shore' })).toMatchObject({
    temperature: 0.02,
    vNorm: false,
    source: 'shore',
  });
});

test('of several values those that are chosen stand in their own order', () => {
  expect(configure({ loraTargets: 'down, v,q' }).loraTargets).toBe('q,v,down');
  expect(configure({ loraTargets: 'q,q' }).loraTargets).toBe('q');
});

describe('what a setting does not take is refused by name', () => {
  test.each([
    ['learningRate', NaN],
    ['learningRate', 'fast'],
    ['learningRate', ''],
    ['learningRate', -1],
    ['temperature', 0],
    ['temperature', Infinity],
    ['chunks', 1],
    ['chunks', 2.5],
    ['chunks', 10_000],
    ['vNorm', 'maybe'],
    ['attention', 'psychic'],
    ['pooling', null],
    ['seed', {}],
    ['loraTargets', ''],
    ['loraTargets', 'q,qkv'],
    ['loraTargets', ['q']],
  ])('%s = %o', (key, value) => {
    expect(() => configure({ [key]: value })).toThrow(SettingError);
    try {
      configure({ [key]: value });
    } catch (cause) {
      expect((cause as SettingError).setting).toBe(key);
    }
  });

  test.each([['__proto__'], ['toString'], ['temprature']])('unknown setting %s', (key) => {
    expect(() => configure(JSON.parse(`{"${key}": 1}`) as Record<string, unknown>)).toThrow(/no setting/);
  });
});

test('changes are found against a base', () => {
  expect(changedSettings(defaultConfiguration())).toEqual([]);
  expect(changedSettings(configure({ temperature: 0.02, vNorm: false }))).toEqual(['temperature', 'vNorm']);
});

test('presets are valid, distinct and say what to expect', () => {
  expect(new Set(PRESETS.map(({ id }) => id)).size).toBe(PRESETS.length);
  for (const { configuration, expectation } of PRESETS) {
    expect(configure({ ...configuration })).toEqual(configuration);
    expect(expectation).toMatch(/\.$/);
  }
  expect(PRESETS[0]?.configuration).toEqual(defaultConfiguration());
  expect(() => preset('nonesuch')).toThrow(/there are facts/);
});
