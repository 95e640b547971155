import type { Values } from './conditions.ts';
import type { LessonAction } from '../lesson.ts';

/** What the trials of a lesson came to when they were measured (measured/N.json, by `command`). */
export interface MeasuredLesson {
  /** What measured it, as it is typed. */
  readonly command: string;
  /** On which GPU. */
  readonly adapter: string;
  readonly trials: readonly MeasuredTrial[];
}

/** A trial's runs. What it was is kept beside its numbers, so that they are not taken for those of another. */
export interface MeasuredTrial {
  /** Of the lesson, from 1. */
  readonly step: number;
  /** Its place among the actions of the step. */
  readonly action: number;
  readonly changes: object;
  readonly steps: number;
  /** Those with the seeds from 0 on. */
  readonly runs: readonly MeasuredRun[];
}

export interface MeasuredRun {
  readonly values: Values;
  /** Loss with context of its first steps: by these a test sees cheaply that the engine would measure the same again. */
  readonly begins: readonly number[];
}

/** Whether numbers are those of an action as it now is. */
export function isOf({ changes, steps }: MeasuredTrial, action: LessonAction): boolean {
  return JSON.stringify(changes) === JSON.stringify(action.changes ?? {}) && steps === (action.steps ?? 1);
}
