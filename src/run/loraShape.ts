import { BadInputError } from '../base/errors.ts';
import { loraText } from '../files/adapters/peft.ts';
import { LORA_TARGETS, type LoraConfig } from '../models/lora.ts';
import { configure, type Configuration } from '../settings/configuration.ts';
import { chosenOf, SettingError } from '../settings/setting.ts';

/** The settings that make the shape of adapters. */
export type ShapeSettings = Pick<Configuration, 'trained' | 'rank' | 'alpha' | 'loraTargets'>;

/** The shape of the adapters that a configuration asks for. */
export function loraConfig({ rank, alpha, loraTargets }: Configuration): LoraConfig {
  const chosen = chosenOf(loraTargets);
  return { rank, alpha, targets: LORA_TARGETS.filter((target) => chosen.includes(shortName(target))) };
}

/**
 * The settings of a run whose adapters have this shape.
 * @throws SettingError where no run here has them: a rank or alpha beyond the settings
 */
export function shapeSettings({ rank, alpha, targets }: LoraConfig): ShapeSettings {
  const loraTargets = LORA_TARGETS.filter((target) => targets.includes(target)).map(shortName);
  const asked = { trained: 'lora', rank, alpha, loraTargets: loraTargets.join(',') } as const;
  configure(asked);
  return asked;
}

/** Adapters that do not go under a run as it is set up; `settings` of one under which they do, where there is any. */
export class AdapterShapeError extends BadInputError {
  override readonly name = 'AdapterShapeError';

  constructor(
    message: string,
    override readonly settings: ShapeSettings | undefined,
  ) {
    super(settings ? `${message} They go under a run with ${settingsText(settings)}.` : message);
  }
}

/** "rank 4, alpha 8, loraTargets q,v": by the settings' own names, which are flags too. */
export function settingsText(settings: ShapeSettings): string {
  return (['rank', 'alpha', 'loraTargets'] as const).map((key) => `${key} ${settings[key]}`).join(', ');
}

/** The shape that several adapters share, as those of a run do. @throws AdapterShapeError where they are unlike */
export function sharedShape(adapters: readonly (LoraConfig & { readonly whose: string })[]): LoraConfig {
  const [first, ...others] = adapters;
  if (!first) throw new Error('There is no adapter: this is a bug.');
  const other = others.find((one) => loraText(one) !== loraText(first));
  if (!other) return first;
  throw new AdapterShapeError(
    `The adapter of the ${first.whose} has ${loraText(first)}, that of the ${other.whose} ${loraText(other)}: both models of a run have the same. Load one of them alone.`,
    undefined,
  );
}

/**
 * Whether an adapter's numbers can take the place of those of a run's; targets may be named in any order.
 * @param whose the model, for the message. @param wanted undefined for a run that trains no adapters
 * @throws AdapterShapeError in words of both
 */
export function expectSameShape(whose: string, found: LoraConfig, wanted: LoraConfig | undefined): void {
  const text = loraText(found);
  if (wanted && text === loraText(wanted)) return;
  const had = wanted ? `this run has ${loraText(wanted)}` : 'this run trains its models whole';
  const { settings, why } = settingsFor(found);
  throw new AdapterShapeError(`The adapter of the ${whose} has ${text}, but ${had}.${why}`, settings);
}

function settingsFor(found: LoraConfig): { settings: ShapeSettings | undefined; why: string } {
  if (found.layers)
    return { settings: undefined, why: ' Runs here adapt every layer; “embed” and “generate” can use it.' };
  try {
    return { settings: shapeSettings(found), why: '' };
  } catch (cause) {
    if (!(cause instanceof SettingError)) throw cause;
    return { settings: undefined, why: ` No run here has that: ${cause.message}` };
  }
}

function shortName(target: (typeof LORA_TARGETS)[number]): string {
  return target.replace(/_proj$/, '');
}
