import { changedSettings, SETTINGS, type Configuration, type SettingKey } from '../../../settings/configuration.ts';
import type { PlanView } from '../../../lab/door/views.ts';

const PURPOSES = [
  { key: 'weights', label: 'weights' },
  { key: 'gradients', label: 'gradients' },
  { key: 'optimiser', label: 'optimiser' },
  { key: 'activations', label: 'activations' },
  { key: 'scratch', label: 'scratch' },
] as const;

/** A stretch of the bar, as a share of its whole length. */
export interface PlanPart {
  readonly label: string;
  readonly bytes: number;
  readonly share: number;
}

export interface PlanBar {
  readonly parts: readonly PlanPart[];
  /** Where the budget ends, as a share of the bar; 1 when everything fits. */
  readonly budgetAt: number;
}

/** A plan as a bar: as long as the budget, or as what is needed when that is more. */
export function planBar(plan: PlanView): PlanBar {
  const sum = PURPOSES.reduce((total, { key }) => total + plan[key], 0);
  const whole = Math.max(plan.budget, plan.peak, sum, 1);
  const parts = PURPOSES.map(({ key, label }) => ({ label, bytes: plan[key], share: plan[key] / whole }));
  return { parts, budgetAt: plan.budget / whole };
}

/** "Chunks per batch 8 → 4, Base weights as int8". */
export function changesInWords(changes: Readonly<Partial<Configuration>>, from: Configuration): string {
  const to = { ...from, ...changes };
  return changedSettings(to, from)
    .map((key) => `${SETTINGS[key].label} ${worded(key, from)} → ${worded(key, to)}`)
    .join(', ');
}

function worded(key: SettingKey, configuration: Configuration): string {
  const setting = SETTINGS[key];
  const value = configuration[key];
  if (setting.kind === 'choice')
    return setting.choices.find((choice) => choice.value === value)?.label ?? String(value);
  if (setting.kind === 'switch') return value === true ? 'on' : 'off';
  return String(value);
}
