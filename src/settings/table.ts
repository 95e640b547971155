import { BATCH } from './groups/batch.ts';
import { CORPUS } from './groups/corpus.ts';
import { EVALUATION } from './groups/evaluation.ts';
import { MODEL } from './groups/model.ts';
import { OBJECTIVE } from './groups/objective.ts';
import { OPTIMISER } from './groups/optimiser.ts';
import type { SettingValue } from './setting.ts';

/** Every setting of a run. Order is the order in help, labels and links. */
export const SETTINGS = { ...CORPUS, ...BATCH, ...MODEL, ...OBJECTIVE, ...OPTIMISER, ...EVALUATION } as const;

export type SettingKey = keyof typeof SETTINGS;

/** The whole configuration of a run: plain, flat, serialisable. */
export type Configuration = { -readonly [K in SettingKey]: SettingValue<(typeof SETTINGS)[K]> };

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export function defaultConfiguration(): Configuration {
  return Object.fromEntries(SETTING_KEYS.map((key) => [key, SETTINGS[key].default])) as unknown as Configuration;
}
