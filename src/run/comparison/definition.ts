import * as v from 'valibot';
import { BadInputError } from '../../base/errors.ts';
import { measure } from '../../evaluation/measures/measures.ts';
import { configure, type Configuration, type SettingKey } from '../../settings/configuration.ts';
import { SettingError } from '../../settings/setting.ts';

/** What a comparison may spend on each run; exactly one. */
export const BUDGETS = ['steps', 'flops', 'chunks', 'seconds'] as const;
export type Budget = (typeof BUDGETS)[number];

/** A comparison that cannot be made; the message names the field of its file. */
export class ComparisonError extends BadInputError {
  override readonly name = 'ComparisonError';
}

type Changes = Readonly<Record<string, unknown>>;

/** A comparison as its file has it, with what was left out filled in. */
export interface ComparisonDefinition {
  readonly title: string;
  /** Settings that all have. */
  readonly settings: Changes;
  /** What is compared: a name, and what of the settings is different. */
  readonly variants: readonly { readonly name: string; readonly settings: Changes }[];
  /** Settings that are swept, each with its values: every variant with every combination. */
  readonly grid: Readonly<Record<string, readonly unknown[]>>;
  readonly seeds: readonly number[];
  readonly budget: Readonly<Partial<Record<Budget, number>>>;
  /** Rates to choose from, for each that is compared: by held-out text, in runs with a seed of their own. */
  readonly learningRates?:
    { readonly values: readonly number[]; readonly seed: number; readonly share: number } | undefined;
  /** Looks at each run, evenly over its budget. */
  readonly looks: number;
  /** What it is judged by: a measure of the collection, or a score of held-out batches. */
  readonly score: string;
  readonly collection?: string | undefined;
}

/** One of those that are compared: a variant with a combination of the grid. */
export interface Contender {
  readonly name: string;
  /** Its seed and, where that is chosen, learning rate are yet to be set. */
  readonly configuration: Configuration;
}

const LEAST_SEEDS = 3;
const MOST_CONTENDERS = 64;
const WITHOUT_COLLECTION = 'recallAt1';
const WITH_COLLECTION = 'ndcg@10';

/** Settings that must be the same for all: other text or another base is another question. */
const SAME_FOR_ALL: readonly SettingKey[] = [
  'source',
  'documentUnit',
  'column',
  'base',
  'checkpoint',
  'retrieverCheckpoint',
];

const is = (what: string): string => ` ${what}.`;
const SETTINGS_OBJECT = v.record(v.string(), v.unknown(), is('is no object of settings'));
const name = v.pipe(
  v.string(is('is missing or no text')),
  v.regex(/^[^\t\r\n]{1,80}$/, is('takes 1 to 80 characters on one line')),
);
const positive = v.pipe(
  v.number(is('is no number')),
  v.check((value) => value > 0 && Number.isFinite(value), is('must be above 0')),
);
const seed = v.pipe(
  v.number(is('is no number')),
  v.check((value) => Number.isInteger(value) && value >= 0 && value <= 2 ** 31, is('is no whole number from 0 on')),
);
const listOf = <T extends v.GenericSchema>(item: T, least: number, most: number) =>
  v.pipe(
    v.array(item, is('is missing or no list')),
    v.check(({ length }) => length >= least && length <= most, is(`takes ${least} to ${most} entries`)),
    v.check(
      (values) => new Set(values.map((one) => JSON.stringify(one))).size === values.length,
      is('has an entry twice'),
    ),
  );

const BUDGET = v.pipe(
  v.strictObject(
    Object.fromEntries(BUDGETS.map((one) => [one, v.optional(positive)])) as Record<
      Budget,
      v.OptionalSchema<typeof positive, undefined>
    >,
    strangers,
  ),
  v.check(
    (budget) => Object.values(budget).filter((one) => one !== undefined).length === 1,
    is(`takes exactly one of ${BUDGETS.join(', ')}`),
  ),
);

const FILE = v.strictObject(
  {
    title: name,
    settings: v.optional(SETTINGS_OBJECT, {}),
    variants: v.optional(
      listOf(v.strictObject({ name, settings: v.optional(SETTINGS_OBJECT, {}) }, strangers), 1, MOST_CONTENDERS),
      [{ name: 'as set', settings: {} }],
    ),
    grid: v.optional(v.record(v.string(), listOf(v.unknown(), 1, 16), is('is no object of lists')), {}),
    seeds: listOf(seed, LEAST_SEEDS, 50),
    budget: BUDGET,
    learningRates: v.optional(
      v.strictObject(
        {
          values: listOf(positive, 2, 7),
          seed,
          share: v.optional(v.pipe(positive, v.maxValue(1, is('is a share of the budget, up to 1'))), 1),
        },
        strangers,
      ),
    ),
    looks: v.optional(
      v.pipe(
        v.number(is('is no number')),
        v.check(
          (value) => Number.isInteger(value) && value >= 1 && value <= 200,
          is('is no whole number from 1 to 200'),
        ),
      ),
      10,
    ),
    score: v.optional(v.string(is('is no text'))),
    collection: v.optional(v.string(is('is no text'))),
  },
  strangers,
);

function strangers({ path, expected }: { readonly path?: unknown; readonly expected: string | null }): string {
  if (!path) return ' is no object.';
  return expected === 'never' ? ' is a field that nothing reads.' : ' is missing.';
}

/**
 * Reads what a comparison's file says.
 * @param base settings that those of the file are laid over
 * @throws ComparisonError, which names the field
 */
export function readComparison(content: unknown, base: Configuration): ComparisonDefinition {
  const { success, output, issues } = v.safeParse(FILE, content, { abortEarly: true });
  if (!success) {
    const [{ path = [], message }] = issues;
    throw new ComparisonError(`${placeOf(path) || 'The file'}${message}`);
  }
  const { collection, learningRates } = output;
  const score = output.score ?? (collection === undefined ? WITHOUT_COLLECTION : WITH_COLLECTION);
  if (collection === undefined && score !== WITHOUT_COLLECTION)
    throw new ComparisonError(
      `score is ${JSON.stringify(score)}: without a collection there is ${WITHOUT_COLLECTION} of held-out batches only.`,
    );
  if (collection !== undefined) measure(score);
  const budget = Object.fromEntries(Object.entries(output.budget).filter(([, value]) => value !== undefined));
  const definition: ComparisonDefinition = { ...output, budget, score };
  if (learningRates && collection === undefined)
    throw new ComparisonError(
      'learningRates needs a collection: held-out text chooses the rate, so that something else must judge the runs.',
    );
  if (learningRates && output.seeds.includes(learningRates.seed))
    throw new ComparisonError('learningRates.seed is one of seeds: rates are chosen in runs that are not reported.');
  contendersOf(definition, base);
  return definition;
}

/**
 * All that are compared, in the order of the file.
 * @throws ComparisonError for settings that there are not, do not go together, or would make it unfair
 */
export function contendersOf(definition: ComparisonDefinition, base: Configuration): Contender[] {
  const { variants, grid, settings, learningRates } = definition;
  const common = at('settings', () => configure({ ...settings }, base));
  const combinations = combinationsOf(grid);
  const contenders = variants.flatMap((variant, i) =>
    combinations.map((combination): Contender => {
      const changes = { ...variant.settings, ...combination };
      const place = (key: string): string =>
        Object.hasOwn(combination, key) ? `grid.${key}` : `variants[${i}].settings.${key}`;
      for (const key of Object.keys(changes)) {
        if (key === 'seed') throw new ComparisonError(`${place(key)}: seeds are listed in seeds.`);
        if (key === 'learningRate' && learningRates)
          throw new ComparisonError(`${place(key)}: the rate is chosen from learningRates.`);
      }
      const configuration = at(`variants[${i}]`, () => configure(changes, common));
      for (const key of SAME_FOR_ALL)
        if (configuration[key] !== common[key])
          throw new ComparisonError(`${place(key)}: text and base must be the same for all that are compared.`);
      const swept = Object.entries(combination).map(([key, value]) => `${key} ${String(value)}`);
      const isOnly = variants.length === 1 && swept.length > 0;
      return { name: [...(isOnly ? [] : [variant.name]), ...swept].join(', '), configuration };
    }),
  );
  if (contenders.length > MOST_CONTENDERS)
    throw new ComparisonError(
      `variants and grid make ${contenders.length} to compare; ${MOST_CONTENDERS} is the most.`,
    );
  const names = contenders.map((one) => one.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) throw new ComparisonError(`variants: two are called ${JSON.stringify(twice)}.`);
  return contenders;
}

/** What is spent on a run. */
export function budgetOf({ budget }: ComparisonDefinition): { readonly kind: Budget; readonly amount: number } {
  const [entry] = Object.entries(budget) as [Budget, number][];
  if (!entry) throw new ComparisonError('budget is missing.');
  return { kind: entry[0], amount: entry[1] };
}

function combinationsOf(grid: ComparisonDefinition['grid']): Changes[] {
  let all: Changes[] = [{}];
  for (const [key, values] of Object.entries(grid))
    all = all.flatMap((one) => values.map((value) => ({ ...one, [key]: value })));
  return all;
}

/** Says where in the file a setting is wrong. */
function at<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof SettingError) throw new ComparisonError(`${place}: ${cause.message}`);
    throw cause;
  }
}

/** "seeds[1]". */
function placeOf(path: readonly v.IssuePathItem[]): string {
  return path.reduce(
    (place, { type, key }) => (type === 'array' ? `${place}[${String(key)}]` : `${place}${place && '.'}${String(key)}`),
    '',
  );
}
