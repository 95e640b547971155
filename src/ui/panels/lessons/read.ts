import * as v from 'valibot';
import { configure, defaultConfiguration, type Configuration } from '../../../settings/configuration.ts';
import { preset } from '../../../settings/presets.ts';
import { check, FIELDS, list, number, strictObject, wholeNumber } from '../../components/check.ts';
import type { Lesson, LessonAction, LessonStep } from './lesson.ts';
import { ENGINE_QUANTITIES } from './numbers/conditions.ts';
import { isQuantity } from './numbers/quantities.ts';
import { isPart } from './parts.ts';
import { marksOf } from './text/markup.ts';

const COMPARISONS = ['<', '>', '=', 'absent'];
/** Longest paragraph: steps are short. */
const MAXIMUM_TEXT = 420;
/** A trial is short enough to be waited for, or measured beforehand. */
const MAXIMUM_STEPS = 200;
const MAXIMUM_SEEDS = 5;
const MAXIMUM_ANSWERS = 4;

/**
 * Checks the data of a lesson: every field, setting, number, part and reference.
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
const QUANTITY = known(isQuantity, 'number of a run');
const CLAIMED = known((name) => isQuantity(name) || (ENGINE_QUANTITIES as readonly string[]).includes(name), 'number');
const COMPARISON = known((name) => COMPARISONS.includes(name), 'comparison');
const COUNT = wholeNumber(0, Infinity);
const upTo = (most: number) =>
  v.optional(
    v.pipe(
      COUNT,
      v.check((count) => count >= 1 && count <= most, ` is from 1 to ${most}.`),
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
    head: v.optional(words()),
    changes: v.optional(FIELDS),
    preset: v.optional(words()),
    run: v.optional(v.picklist(['trial', 'train'], ' is "trial" or "train".')),
    steps: upTo(MAXIMUM_STEPS),
    seeds: upTo(MAXIMUM_SEEDS),
    recorded: v.optional(RECORDED_NAME),
    step: v.optional(COUNT),
    matrix: v.optional(v.picklist(['A', 'S'], ' is "A" or "S".')),
  }),
  v.check(
    ({ steps, seeds, run }) => (steps === undefined && seeds === undefined) || run === 'trial',
    '.steps and .seeds belong to a trial.',
  ),
  v.check(({ run, preset }) => run !== 'trial' || preset === undefined, ' is a trial on a checkpoint.'),
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

const WANTED = { is: COMPARISON, value: v.optional(number()), tolerance: v.optional(number()) };

const comparing = <const Schema extends v.GenericSchema<Wanted>>(schema: Schema) =>
  v.pipe(
    schema,
    v.check(
      ({ is, value, against }) => value !== undefined || against !== undefined || is === 'absent',
      '.value is missing.',
    ),
  );

interface Wanted {
  readonly is: string;
  readonly value?: number | undefined;
  readonly against?: object | undefined;
}

const conditionOn = (quantity: typeof QUANTITY) =>
  comparing(
    strictObject({
      action: COUNT,
      of: quantity,
      ...WANTED,
      against: v.optional(
        strictObject({ action: v.optional(COUNT), of: v.optional(quantity), factor: v.optional(number()) }),
      ),
    }),
  );

const RECORDED_CLAIM = comparing(
  strictObject({
    recorded: RECORDED_NAME,
    step: COUNT,
    of: QUANTITY,
    ...WANTED,
    against: v.optional(
      strictObject({ step: v.optional(COUNT), of: v.optional(QUANTITY), factor: v.optional(number()) }),
    ),
  }),
);

const ENGINE_CLAIM = conditionOn(CLAIMED);
const TESTED_CLAIM = strictObject({ tested: words(/^tests\/[\w/.-]+[.]test[.]ts$/), named: words() });

/** What it is about decides what it is. */
const CLAIM = v.lazy((value) => {
  if (typeof value !== 'object' || value === null) return ENGINE_CLAIM;
  if ('tested' in value) return TESTED_CLAIM;
  return 'recorded' in value ? RECORDED_CLAIM : ENGINE_CLAIM;
});

const QUESTION = strictObject({
  ask: words(),
  answers: v.pipe(
    list(
      strictObject({ text: words(), holds: list(conditionOn(QUANTITY), 1), why: some(words()) }),
      2,
      MAXIMUM_ANSWERS,
    ),
    v.check((answers) => answers.filter(({ why }) => why).length === 1, ': one of them says why it happens.'),
  ),
});

const STEP = v.pipe(
  strictObject({
    title: words(),
    text: list(words(), 1),
    formula: v.optional(FORMULA),
    symbols: some(SYMBOL),
    question: v.optional(QUESTION),
    actions: some(ACTION),
    rows: some(QUANTITY),
    plot: v.optional(QUANTITY),
    exact: v.optional(v.boolean()),
    hides: some(PART),
    claims: v.optional(v.record(words(/^[a-z]+$/), list(CLAIM, 1))),
  }),
  v.check(({ plot, rows = [] }) => plot === undefined || rows.includes(plot), '.plot is none of its rows.'),
  v.check(
    (step) => whyNoClaim(step as LessonStep) === undefined,
    ({ input }) => whyNoClaim(input as LessonStep) ?? '',
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

/** Paragraphs of a step whose sentences may rest on claims. */
export function paragraphsOf({ text, question }: Pick<LessonStep, 'text' | 'question'>): string[] {
  const { ask, answers } = question ?? { answers: [] };
  return [...text, ...(ask === undefined ? [] : [ask]), ...answers.flatMap(({ why = [] }) => why)];
}

/** Why a claim of a step cannot be tested, or a mark names none. */
function whyNoClaim(step: LessonStep): string | undefined {
  const { actions = [], claims = {}, question } = step;
  const all = [...Object.values(claims).flat(), ...(question?.answers.flatMap(({ holds }) => holds) ?? [])];
  for (const claim of all) {
    if ('recorded' in claim || 'tested' in claim) continue;
    for (const index of [claim.action, claim.against?.action ?? claim.action]) {
      const action = actions[index];
      if (!action) return `: there is no action ${index}.`;
      if (action.run !== 'trial' && action.recorded === undefined)
        return `: action ${index} runs nothing that a test could run.`;
    }
  }
  const marks = new Set(paragraphsOf(step).flatMap(marksOf));
  const unknown = [...marks].find((mark) => !Object.hasOwn(claims, mark));
  if (unknown !== undefined) return `: {${unknown}} is no claim.`;
  const unsaid = Object.keys(claims).find((mark) => !marks.has(mark));
  return unsaid === undefined ? undefined : `: no sentence rests on the claim ${unsaid}.`;
}
