import type { MeasuredLesson, MeasuredTrial } from './numbers/measured.ts';
import { isOf } from './numbers/measured.ts';
import type { LessonAction } from './lesson.ts';

const files = import.meta.glob<MeasuredLesson>('./measured/*.json', { eager: true, import: 'default' });

/** By the lessons' ids. */
export const MEASURED: ReadonlyMap<string, MeasuredLesson> = new Map(
  Object.entries(files).map(([path, lesson]) => [/(\d+)[^/]*$/.exec(path)?.[1] ?? '', lesson]),
);

/** What was measured of an action of a lesson's step (from 1); undefined where nothing was. */
export function measuredTrial(
  lesson: string,
  step: number,
  action: number,
  of: LessonAction,
): (MeasuredTrial & Pick<MeasuredLesson, 'command' | 'adapter'>) | undefined {
  const found = MEASURED.get(lesson);
  const trial = found?.trials.find((one) => one.step === step && one.action === action);
  return found && trial && isOf(trial, of) ? { ...trial, command: found.command, adapter: found.adapter } : undefined;
}
