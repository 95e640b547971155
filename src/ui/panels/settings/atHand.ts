import { whyIdle } from '../../../settings/applicability.ts';
import { defaultConfiguration, type Configuration, type SettingKey } from '../../../settings/configuration.ts';

/** The settings that decide how the matrix comes about and what it does, in the order of the method. */
const AT_HAND: readonly SettingKey[] = [
  'temperature',
  'infoNceTemperature',
  'mannWhitneyTemperature',
  'replugTemperature',
  'replugLanguageModelTemperature',
  'replugLanguageModel',
  'teacher',
  'distillationTemperature',
  'teacherTemperature',
  'attention',
  'vNorm',
  'contextGate',
];

/** Those of them that belong to what is trained for. Where another setting makes one idle, its control says why. */
export function settingsAtHand({ objective }: Pick<Configuration, 'objective'>): SettingKey[] {
  return AT_HAND.filter((key) => whyIdle(key, { ...defaultConfiguration(), objective }) === undefined);
}
