import { quoted } from '../base/quote.ts';
import { ReportedError } from '../base/errors.ts';

/** What stands in a configuration. */
export type Value = number | string | boolean;

/** Values of other settings, by their keys; together they hold when each is as said, or one of those said. */
export type Values = Readonly<Record<string, Value | readonly Value[]>>;

/** Where a setting changes something. Elsewhere it is idle, and `why` says so. */
export type Condition =
  | { readonly only: Values; readonly except?: undefined; readonly why: string }
  | { readonly except: Values; readonly only?: undefined; readonly why: string };

/**
 * What it does to GPU memory and to the time of a step when a number grows, a switch is turned on, a text is given, or
 * another choice than the first is taken.
 */
export interface Cost {
  readonly memory?: 'more' | 'less';
  readonly time?: 'more' | 'less';
  /** The same for the reader, where help does not say it. */
  readonly words?: string;
}

/**
 * A setting as data: its default, range, unit and words, when it applies and what it costs. The same definition drives the
 * page's controls, validation, links, command-line flags, the planner's proposals and the labels that say what two runs
 * differ in. What it conflicts with stands in conflicts.ts, since a conflict is between several.
 */
interface Common<T> {
  readonly label: string;
  /** One line for the person who has never seen it. */
  readonly help: string;
  readonly group: SettingGroup;
  /** All must hold, or the setting is idle; none: it always applies. */
  readonly applies?: readonly Condition[];
  /** Left out where it is hardly felt. */
  readonly cost?: Cost;
  readonly default: T;
  /** What the paper or its released code uses, as shown beside ours. */
  readonly paper?: string;
}

export type SettingGroup = 'corpus' | 'batch' | 'model' | 'objective' | 'optimiser' | 'evaluation';

export interface NumberSetting extends Common<number> {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  readonly unit?: string;
  /** Sliders and steppers move on a log scale. */
  readonly logarithmic?: boolean;
}

export interface ChoiceSetting<T extends string = string> extends Common<T> {
  readonly kind: 'choice';
  readonly choices: readonly { readonly value: T; readonly label: string; readonly help: string }[];
}

export interface SwitchSetting extends Common<boolean> {
  readonly kind: 'switch';
}

/** A short text that follows a rule, a name say; the empty text stands for the default where `pattern` takes it. */
export interface TextSetting extends Common<string> {
  readonly kind: 'text';
  readonly pattern: RegExp;
  /** What the pattern takes, in words. */
  readonly expected: string;
  readonly placeholder: string;
}

/** One or more of several things: the values that are chosen, in the order of `choices`, with commas between them. */
export interface SeveralSetting extends Common<string> {
  readonly kind: 'several';
  readonly choices: readonly string[];
}

export type Setting = NumberSetting | ChoiceSetting | SwitchSetting | TextSetting | SeveralSetting;

/** The type of a setting's value. */
export type SettingValue<S extends Setting> = S extends NumberSetting
  ? number
  : S extends SwitchSetting
    ? boolean
    : S extends TextSetting | SeveralSetting
      ? string
      : S extends ChoiceSetting<infer T>
        ? T
        : never;

export function numberSetting(setting: Omit<NumberSetting, 'kind'>): NumberSetting {
  return { kind: 'number', ...setting };
}

export function choiceSetting<T extends string>(setting: Omit<ChoiceSetting<T>, 'kind'>): ChoiceSetting<T> {
  return { kind: 'choice', ...setting };
}

export function switchSetting(setting: Omit<SwitchSetting, 'kind'>): SwitchSetting {
  return { kind: 'switch', ...setting };
}

export function textSetting(setting: Omit<TextSetting, 'kind'>): TextSetting {
  return { kind: 'text', ...setting };
}

export function severalSetting(setting: Omit<SeveralSetting, 'kind'>): SeveralSetting {
  return { kind: 'several', ...setting };
}

/** The values that are chosen of several. */
export function chosenOf(value: string): string[] {
  return value.split(',').filter((one) => one !== '');
}

/**
 * Reads `value` (a typed value, or text from a link or a flag) as a value of `setting`.
 * @throws SettingError that names the setting and what it takes.
 */
export function parseSetting(key: string, setting: Setting, value: unknown): Value {
  const fail = (expected: string): never => {
    throw new SettingError(key, `${setting.label} (${key}) takes ${expected}, not ${quoted(value)}.`);
  };
  switch (setting.kind) {
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const range = `${setting.integer ? 'a whole number' : 'a number'} from ${setting.min} to ${setting.max}`;
      if (typeof number !== 'number' || !Number.isFinite(number) || number < setting.min || number > setting.max)
        return fail(range);
      if (setting.integer && !Number.isInteger(number)) return fail(range);
      return number;
    }
    case 'switch':
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      return fail('true or false');
    case 'choice':
      if (typeof value === 'string' && setting.choices.some((choice) => choice.value === value)) return value;
      return fail(`one of ${setting.choices.map((choice) => choice.value).join(', ')}`);
    case 'text':
      if (typeof value === 'string' && setting.pattern.test(value)) return value;
      return fail(setting.expected);
    case 'several': {
      const { choices } = setting;
      const given = typeof value === 'string' ? chosenOf(value.replaceAll(' ', '')) : [];
      if (given.length === 0 || !given.every((one) => choices.includes(one)))
        return fail(`one or more of ${choices.join(', ')}, with commas between them`);
      return choices.filter((one) => given.includes(one)).join(',');
    }
    default:
      return setting satisfies never;
  }
}

/** A value that a setting does not take. The message names the setting, the value and what would do. */
export class SettingError extends ReportedError {
  override readonly name = 'SettingError';
  override readonly kind = 'badSetting';
  override readonly action = 'Change the setting; the run so far is kept.';

  constructor(
    override readonly setting: string,
    message: string,
  ) {
    super(message);
  }
}
