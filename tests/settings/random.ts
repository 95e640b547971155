import { SETTING_KEYS, SETTINGS, type Configuration } from '../../src/settings/configuration.ts';
import { PRESETS } from '../../src/settings/presets.ts';
import type { Setting } from '../../src/settings/setting.ts';

/** The same numbers in [0, 1) for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)] as T;
}

/** Any value that a setting takes by itself. */
function randomValue(setting: Setting, random: () => number): unknown {
  switch (setting.kind) {
    case 'number': {
      const value = setting.min + random() * (setting.max - setting.min);
      // Rounding makes a zero with a sign of small negative numbers, and no code keeps that.
      return setting.integer ? Math.round(value) + 0 : value;
    }
    case 'switch':
      return random() < 0.5;
    case 'choice':
      return pick(setting.choices, random).value;
    case 'several':
      return setting.choices.filter(() => random() < 0.5).join(',') || setting.default;
    case 'text':
      return pick(['HuggingFaceTB/SmolLM2-135M', 'owner/name@refs/pr/1', 'folder', setting.default], random);
  }
}

/** A preset with some settings changed at random, whether they go together or not. */
export function randomDraft(random: () => number): Configuration {
  const keys = SETTING_KEYS.filter(() => random() < 0.2);
  const changes = Object.fromEntries(keys.map((key) => [key, randomValue(SETTINGS[key], random)]));
  return { ...pick(PRESETS, random).configuration, ...changes };
}
