import type { Condition, Setting, Value, Values } from './setting.ts';
import { SETTINGS, type Configuration, type SettingKey } from './table.ts';

/** Why a setting changes nothing in a configuration; undefined when it does. */
export function whyIdle(key: SettingKey, configuration: Configuration): string | undefined {
  const { applies = [] }: Setting = SETTINGS[key];
  return applies.find((condition) => !isMet(condition, configuration))?.why;
}

/** Where a setting applies, by other settings' keys: "with base checkpoint", "not with source facts"; '' for everywhere. */
export function whereItApplies(key: SettingKey): string {
  const { applies = [] }: Setting = SETTINGS[key];
  return applies.map(({ only, except }) => (only ? `with ${listed(only)}` : `not with ${listed(except)}`)).join(', ');
}

function isMet({ only, except }: Condition, configuration: Configuration): boolean {
  return only ? hold(only, configuration) : !hold(except, configuration);
}

function hold(values: Values, configuration: Readonly<Record<string, Value>>): boolean {
  return Object.entries(values).every(([key, value]) => valuesOf(value).some((one) => configuration[key] === one));
}

function listed(values: Values): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${valuesOf(value).join(' or ')}`)
    .join(' and ');
}

/** The values of which a condition takes any. */
export function valuesOf(value: Values[string]): readonly Value[] {
  return typeof value === 'object' ? value : [value];
}
