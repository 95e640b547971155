import {
  changedSettings,
  contradictions,
  defaultConfiguration,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from '../../../settings/configuration.ts';
import { preset, PRESETS } from '../../../settings/presets.ts';
import { parseSetting, SettingError } from '../../../settings/setting.ts';
import { load, save } from '../../state/storage.ts';

const STORED = 'settings';

/** What a preset leaves to the reader: which checkpoint, how much memory there is, and how their own text is divided. */
const OWN_CHOICES: readonly SettingKey[] = [
  'checkpoint',
  'retrieverCheckpoint',
  'memoryBudget',
  'documentUnit',
  'column',
  'chunkFit',
];

/** A setting at fault, with what is wrong. */
export interface Problem {
  readonly key: SettingKey;
  readonly message: string;
}

/**
 * The settings as they stand in the controls. A value that a setting does not take stays in its control and is complained
 * about there; the configuration keeps the last good one.
 */
export class Draft {
  configuration = $state.raw<Configuration>(restored());
  /** What is wrong with what was typed, by setting. */
  errors = $state.raw<Partial<Record<SettingKey, string>>>({});

  /** The first thing that keeps this draft from being run: a bad value, or values that contradict each other. */
  readonly problem: Problem | undefined = $derived.by(() => {
    const key = SETTING_KEYS.find((candidate) => this.errors[candidate] !== undefined);
    if (key) return { key, message: this.errors[key] ?? '' };
    const [first] = contradictions(this.configuration);
    return first && { key: first.setting as SettingKey, message: first.message };
  });

  /**
   * The preset that the draft equals, whichever collection it reads and checkpoint it stands on; undefined for a mixture of
   * one's own.
   */
  readonly presetId: string | undefined = $derived(
    PRESETS.find(({ configuration }) =>
      changedSettings(this.configuration, configuration).every(
        (key) =>
          OWN_CHOICES.includes(key) ||
          (key === 'source' && this.configuration.source !== 'facts' && configuration.source !== 'facts'),
      ),
    )?.id,
  );

  readonly changed: readonly SettingKey[] = $derived(changedSettings(this.configuration));

  /** Takes what stands in a control: typed text, a choice, or a switch. */
  set(key: SettingKey, value: unknown): void {
    try {
      const parsed = parseSetting(key, SETTINGS[key], value);
      this.replace({ ...this.configuration, [key]: parsed });
      this.errors = { ...this.errors, [key]: undefined };
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      this.errors = { ...this.errors, [key]: error.message };
    }
  }

  /** Sets several at once, each to a value that it takes. */
  change(changes: Partial<Configuration>): void {
    const keys = Object.keys(changes) as SettingKey[];
    this.replace({ ...this.configuration, ...changes });
    this.errors = Object.fromEntries(Object.entries(this.errors).filter(([key]) => !keys.includes(key as SettingKey)));
  }

  choosePreset(id: string): void {
    const { configuration } = preset(id);
    const { source } = this.configuration;
    const keepsSource = configuration.source !== 'facts' && source !== 'facts';
    const own = Object.fromEntries(OWN_CHOICES.map((key) => [key, this.configuration[key]]));
    this.adopt({ ...configuration, ...own, ...(keepsSource ? { source } : {}) });
  }

  /** Takes a whole configuration as it is: that of a saved run, say. */
  adopt(configuration: Configuration): void {
    this.replace(configuration);
    this.errors = {};
  }

  /** Small models or a checkpoint; what suits the one throws the other off, so a change brings the preset made for it. */
  chooseBase(base: Configuration['base']): void {
    if (base === this.configuration.base) return;
    const { source } = this.configuration;
    this.choosePreset(base === 'checkpoint' ? 'gentle' : source === 'facts' ? 'facts' : 'prose');
  }

  /** Puts the run on a checkpoint. */
  chooseCheckpoint(id: string): void {
    this.chooseBase('checkpoint');
    this.set('checkpoint', id);
  }

  /** Changes what is read. An untouched preset gives way to the one made for that kind of text. */
  chooseSource(source: Configuration['source']): void {
    const isProse = source !== 'facts';
    const current = this.presetId === undefined ? undefined : preset(this.presetId);
    const fits =
      current === undefined ||
      current.configuration.base === 'checkpoint' ||
      (current.configuration.source !== 'facts') === isProse;
    const base = fits ? this.configuration : preset(isProse ? 'prose' : 'facts').configuration;
    this.replace({ ...base, source });
  }

  private replace(configuration: Configuration): void {
    this.configuration = configuration;
    save(STORED, Object.fromEntries(changedSettings(configuration).map((key) => [key, configuration[key]])));
  }
}

/** The settings of the last visit, those that contradict each other included; the default in place of what no longer fits. */
function restored(): Configuration {
  const configuration: Record<string, unknown> = { ...defaultConfiguration() };
  const stored: unknown = load(STORED);
  if (typeof stored !== 'object' || stored === null) return defaultConfiguration();
  for (const [key, value] of Object.entries(stored)) {
    try {
      if (Object.hasOwn(SETTINGS, key)) configuration[key] = parseSetting(key, SETTINGS[key as SettingKey], value);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
    }
  }
  return configuration as unknown as Configuration;
}
