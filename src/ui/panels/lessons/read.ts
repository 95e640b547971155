import * as v from 'valibot';
import { configure, defaultConfiguration, type Configuration } from '../../../settings/configuration.ts';
import { preset } from '../../../settings/presets.ts';
import { check, FIELDS, list, number, strictObject, wholeNumber } from '../../components/check.ts';
import type { Lesson, LessonAction } from './lesson.ts';
import { isHeldOut, isMetric } from './metrics.ts';
import { isPart } from './parts.ts';

const COMPARISONS = ['<', '>', '=', 'absent'];
const RUN_METRICS = ['heldOutShift', 'largestReading', 'firstLayerReading'];
/** Longest paragraph: steps are short. */
const MAXIMUM_TEXT = 420;
/** A claim runs for fewer steps than a person would wait. */
const MAXIMUM_STEPS = 200;

/**
 * Checks the data of a lesson: every field, setting, metric, part and reference.
 * @throws CheckError
 */
export function readLesson(value: unknown): Lesson {
  check(FIELDS, value, 'the lesson');
  check(LESSON, value, '');
  return value as Lesson;
}

const words = (pattern = /\S/) =>
  v.custom<string>(
    (value) => typeof value === 'string' && pattern.test(value) && value.length <= MAXIMUM_TEXT,
    ' is not a short text of its kind.',
  );

const known = (isKnown: (name: string) => boolean, what: string) =>
  v.custom<string>(
    (value) => typeof value === 'string' && isKnown(value),
    ({ input }) => `: ${JSON.stringify(input)} is no ${what}.`,
  );

const some = <const Item extends v.GenericSchema>(item: Item) => v.optional(list(item, 1));

const PART = known(isPart, 'part');
const RECORDED_NAME = words(/^[a-z][a-z0-9-]*$/);
const HELD_OUT_METRIC = known(isHeldOut, 'held-out metric');
const COMPARISON = known((name) => COMPARISONS.includes(name), 'comparison');
const COUNT = wholeNumber(0, Infinity);
const STEPS = v.optional(
  v.pipe(
    COUNT,
    v.check((steps) => steps >= 1 && steps <= MAXIMUM_STEPS, ` is from 1 to ${MAXIMUM_STEPS}.`),
  ),
);

const FORMULA = v.pipe(
  words(),
  v.check(
    (formula) => unknownPart(formula) === undefined,
    ({ input }) => `: ${JSON.stringify(unknownPart(input))} is no part.`,
  ),
);

const SYMBOL = strictObject({ tex: words(), means: words(), part: v.optional(PART) });

const ACTION = v.pipe(
  strictObject({
    label: words(),
    changes: v.optional(FIELDS),
    preset: v.optional(words()),
    run: v.optional(v.picklist(['step', 'train'], ' is "step" or "train".')),
    until: v.optional(COUNT),
    recorded: v.optional(RECORDED_NAME),
    step: v.optional(COUNT),
    matrix: v.optional(v.picklist(['A', 'S'], ' is "A" or "S".')),
  }),
  v.check(({ until, run }) => until === undefined || run === 'train', '.until belongs to training.'),
  v.check(({ recorded, step }) => recorded === undefined || step !== undefined, '.step is missing.'),
  v.check(
    ({ recorded, run }) => recorded === undefined || run === undefined,
    ' shows a recorded run or runs one, not both.',
  ),
  v.check(
    ({ recorded, run, matrix }) => recorded !== undefined || run !== undefined || matrix !== undefined,
    ' does nothing.',
  ),
  v.check(
    (action) => whyNoConfiguration(action as LessonAction) === undefined,
    ({ input }) => `: ${whyNoConfiguration(input as LessonAction) ?? ''}`,
  ),
);

const FIGURE = strictObject({
  label: words(),
  recorded: RECORDED_NAME,
  step: v.optional(COUNT),
  heldOut: HELD_OUT_METRIC,
});

const RECORDED_CLAIM = strictObject({
  recorded: RECORDED_NAME,
  step: v.optional(COUNT),
  heldOut: HELD_OUT_METRIC,
  is: COMPARISON,
  value: number(),
  tolerance: v.optional(number()),
});

const ENGINE_CLAIM = v.pipe(
  strictObject({
    action: COUNT,
    steps: STEPS,
    metric: known((name) => isMetric(name) || RUN_METRICS.includes(name), 'metric'),
    is: COMPARISON,
    value: v.optional(number()),
    against: v.optional(strictObject({ action: COUNT, steps: STEPS, factor: v.optional(number()) })),
    tolerance: v.optional(number()),
  }),
  v.check(
    ({ is, value, against }) => value !== undefined || against !== undefined || is === 'absent',
    '.value is missing.',
  ),
);

/** What it is about decides which of the two it is. */
const CLAIM = v.lazy((value) =>
  typeof value === 'object' && value !== null && 'recorded' in value ? RECORDED_CLAIM : ENGINE_CLAIM,
);

const STEP = v.pipe(
  strictObject({
    title: words(),
    text: list(words(), 1),
    formula: v.optional(FORMULA),
    symbols: some(SYMBOL),
    actions: some(ACTION),
    expect: v.optional(words()),
    watch: some(known(isMetric, 'metric')),
    figures: some(FIGURE),
    hides: some(PART),
    claims: some(CLAIM),
  }),
  v.check(
    ({ actions = [], expect }) => expect !== undefined || actions.every(({ run }) => run === undefined),
    ': who runs something wants to know what to expect.',
  ),
  v.check(
    (step) => whyNoClaim(step) === undefined,
    ({ input }) => whyNoClaim(input) ?? '',
  ),
);

const LESSON = strictObject({ id: words(/^\d{1,2}$/), title: words(), about: words(), steps: list(STEP, 1) });

function unknownPart(formula: string): string | undefined {
  return [...formula.matchAll(/\\part\{([^}]*)\}/g)].map(([, part = '']) => part).find((part) => !isPart(part));
}

/** Why the settings of an action cannot be: a preset that there is not, a value out of range. */
function whyNoConfiguration({ preset: id, changes }: LessonAction): string | undefined {
  try {
    const base: Configuration = id === undefined ? defaultConfiguration() : preset(id).configuration;
    configure({ ...changes }, base);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface WithClaims {
  readonly actions?: readonly Pick<LessonAction, 'run' | 'preset'>[] | undefined;
  readonly claims?: readonly object[] | undefined;
}

/** Why a claim of a step cannot be tested: it runs an action's own configuration, without a checkpoint. */
function whyNoClaim({ actions = [], claims = [] }: WithClaims): string | undefined {
  for (const [i, claim] of claims.entries()) {
    const { action, against } = claim as { readonly action?: number; readonly against?: { readonly action: number } };
    for (const index of [action, against?.action]) {
      if (index === undefined) continue;
      const found = actions[index];
      if (!found) return `.claims[${i}]: there is no action ${index}.`;
      if (found.run === undefined || found.preset !== undefined)
        return `.claims[${i}]: action ${index} runs nothing that a test could run.`;
    }
  }
  return undefined;
}
