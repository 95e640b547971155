import type { Lesson } from './lesson.ts';
import { readLesson } from './read.ts';

const files = import.meta.glob<unknown>('./data/*.json', { eager: true, import: 'default' });

/** All lessons in their order, checked. */
export const LESSONS: readonly Lesson[] = Object.values(files)
  .map(readLesson)
  .sort((a, b) => Number(a.id) - Number(b.id));
