import { configure, defaultConfiguration } from '../../../settings/configuration.ts';
import { preset } from '../../../settings/presets.ts';
import type { Claim, Lesson, LessonAction, LessonStep } from './lesson.ts';
import { isHeldOut, isMetric } from './metrics.ts';
import { isPart } from './parts.ts';

/** A lesson's data that cannot be used; the message says where and why. */
export class LessonError extends Error {
  override readonly name = 'LessonError';
}

const COMPARISONS = ['<', '>', '=', 'absent'];
const RUN_METRICS = ['heldOutShift', 'largestReading', 'firstLayerReading'];
/** Longest paragraph: steps are short. */
const MAXIMUM_TEXT = 420;
const RECORDED = /^[a-z][a-z0-9-]*$/;

/**
 * Checks the data of a lesson: every field, setting, metric, part and reference.
 * @throws LessonError
 */
export function readLesson(value: unknown): Lesson {
  const lesson = record(value, 'the lesson', ['id', 'title', 'about', 'steps']);
  text(lesson['id'], 'id', /^\d{1,2}$/);
  text(lesson['title'], 'title');
  text(lesson['about'], 'about');
  list(lesson['steps'], 'steps', 1).forEach((step, i) => readStep(step, `steps[${i}]`));
  return value as Lesson;
}

const STEP_FIELDS = ['title', 'text', 'formula', 'symbols', 'actions', 'expect', 'watch', 'figures', 'hides', 'claims'];

function readStep(value: unknown, at: string): void {
  const step = record(value, at, STEP_FIELDS);
  text(step['title'], `${at}.title`);
  list(step['text'], `${at}.text`, 1).forEach((paragraph, i) => text(paragraph, `${at}.text[${i}]`));
  if (step['formula'] !== undefined) {
    const formula = text(step['formula'], `${at}.formula`);
    for (const [, part = ''] of formula.matchAll(/\\part\{([^}]*)\}/g)) known(part, isPart, `${at}.formula`, 'part');
  }
  optional(step['symbols']).forEach((symbol, i) => readSymbol(symbol, `${at}.symbols[${i}]`));
  const actions = optional(step['actions']).map((action, i) => readAction(action, `${at}.actions[${i}]`));
  if (step['expect'] !== undefined) text(step['expect'], `${at}.expect`);
  if (actions.some(({ run }) => run !== undefined) && step['expect'] === undefined)
    throw new LessonError(`${at}: who runs something wants to know what to expect.`);
  optional(step['watch']).forEach((name) => known(name, isMetric, `${at}.watch`, 'metric'));
  optional(step['figures']).forEach((figure, i) => readFigure(figure, `${at}.figures[${i}]`));
  optional(step['hides']).forEach((part) => known(part, isPart, `${at}.hides`, 'part'));
  optional(step['claims']).forEach((claim, i) => readClaim(claim, `${at}.claims[${i}]`, actions));
}

function readSymbol(value: unknown, at: string): void {
  const symbol = record(value, at, ['tex', 'means', 'part']);
  text(symbol['tex'], `${at}.tex`);
  text(symbol['means'], `${at}.means`);
  if (symbol['part'] !== undefined) known(symbol['part'], isPart, at, 'part');
}

function readAction(value: unknown, at: string): LessonAction {
  const action = record(value, at, ['label', 'changes', 'preset', 'run', 'until', 'recorded', 'step', 'matrix']);
  text(action['label'], `${at}.label`);
  if (action['run'] !== undefined && action['run'] !== 'step' && action['run'] !== 'train')
    throw new LessonError(`${at}.run is "step" or "train".`);
  if (action['until'] !== undefined) {
    whole(action['until'], `${at}.until`);
    if (action['run'] !== 'train') throw new LessonError(`${at}.until belongs to training.`);
  }
  if (action['matrix'] !== undefined && action['matrix'] !== 'A' && action['matrix'] !== 'S')
    throw new LessonError(`${at}.matrix is "A" or "S".`);
  if (action['recorded'] !== undefined) {
    text(action['recorded'], `${at}.recorded`, RECORDED);
    whole(action['step'], `${at}.step`);
    if (action['run'] !== undefined) throw new LessonError(`${at} shows a recorded run or runs one, not both.`);
  } else if (action['run'] === undefined && action['matrix'] === undefined)
    throw new LessonError(`${at} does nothing.`);
  configurationOf(action as unknown as LessonAction, at);
  return action as unknown as LessonAction;
}

/** @throws LessonError for a preset that there is not, or settings that cannot be. */
function configurationOf({ preset: id, changes }: LessonAction, at: string): void {
  try {
    configure({ ...changes }, id === undefined ? defaultConfiguration() : preset(id).configuration);
  } catch (error) {
    throw new LessonError(`${at}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readFigure(value: unknown, at: string): void {
  const figure = record(value, at, ['label', 'recorded', 'step', 'heldOut']);
  text(figure['label'], `${at}.label`);
  text(figure['recorded'], `${at}.recorded`, RECORDED);
  if (figure['step'] !== undefined) whole(figure['step'], `${at}.step`);
  known(figure['heldOut'], isHeldOut, at, 'held-out metric');
}

function readClaim(value: unknown, at: string, actions: readonly LessonAction[]): void {
  const isRecorded = typeof value === 'object' && value !== null && 'recorded' in value;
  const fields = isRecorded
    ? ['recorded', 'step', 'heldOut', 'is', 'value', 'tolerance']
    : ['action', 'steps', 'metric', 'is', 'value', 'against', 'tolerance'];
  const claim = record(value, at, fields) as Record<string, unknown> & Partial<Claim>;
  known(claim['is'], (name) => COMPARISONS.includes(name), at, 'comparison');
  if (isRecorded) {
    text(claim['recorded'], `${at}.recorded`, RECORDED);
    known(claim['heldOut'], isHeldOut, at, 'held-out metric');
    if (claim['step'] !== undefined) whole(claim['step'], `${at}.step`);
    number(claim['value'], `${at}.value`);
    return;
  }
  known(claim['metric'], (name) => isMetric(name) || RUN_METRICS.includes(name), at, 'metric');
  readRun(claim, at, actions);
  if (claim['against'] !== undefined)
    readRun(record(claim['against'], `${at}.against`, ['action', 'steps', 'factor']), `${at}.against`, actions);
  else if (claim['is'] !== 'absent') number(claim['value'], `${at}.value`);
}

/** A claim runs an action's own configuration, for fewer steps than a person would wait. */
function readRun(run: Readonly<Record<string, unknown>>, at: string, actions: readonly LessonAction[]): void {
  const index = whole(run['action'], `${at}.action`);
  const action = actions[index];
  if (!action) throw new LessonError(`${at}: there is no action ${index}.`);
  if (action.run === undefined || action.preset !== undefined)
    throw new LessonError(`${at}: action ${index} runs nothing that a test could run.`);
  const steps = run['steps'] === undefined ? 1 : whole(run['steps'], `${at}.steps`);
  if (steps < 1 || steps > 200) throw new LessonError(`${at}.steps is from 1 to 200.`);
}

function record(value: unknown, at: string, fields: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new LessonError(`${at} is not an object.`);
  const unknown = Object.keys(value).find((key) => !fields.includes(key));
  if (unknown !== undefined) throw new LessonError(`${at} has a field ${JSON.stringify(unknown)} that nothing reads.`);
  return value as Record<string, unknown>;
}

function list(value: unknown, at: string, least: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least) throw new LessonError(`${at} is a list of ${least} or more.`);
  return value as readonly unknown[];
}

function optional(value: unknown): readonly unknown[] {
  return value === undefined ? [] : list(value, 'an optional list', 1);
}

function text(value: unknown, at: string, pattern = /\S/): string {
  if (typeof value !== 'string' || !pattern.test(value) || value.length > MAXIMUM_TEXT)
    throw new LessonError(`${at} is not a short text of its kind.`);
  return value;
}

function number(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new LessonError(`${at} is not a number.`);
  return value;
}

function whole(value: unknown, at: string): number {
  if (!Number.isInteger(value) || Number(value) < 0) throw new LessonError(`${at} is not a whole number.`);
  return Number(value);
}

function known(value: unknown, isKnown: (name: string) => boolean, at: string, what: string): void {
  if (typeof value !== 'string' || !isKnown(value))
    throw new LessonError(`${at}: ${JSON.stringify(value)} is no ${what}.`);
}

export type { Lesson, LessonStep };
