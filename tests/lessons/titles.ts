import { readdirSync, readFileSync } from 'node:fs';
import type { Lesson } from '../../src/ui/panels/lessons/lesson.ts';
import { PARTS, type PartId } from '../../src/ui/panels/lessons/parts.ts';

const folder = new URL('../../src/ui/panels/lessons/data/', import.meta.url);

/** What the tests in the browser need to know of the lessons' data. */
export const LESSONS = readdirSync(folder)
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Lesson)
  .map(({ steps }) => ({
    steps: steps.map(({ title }) => title),
    /** Selectors of the parts of the page they point at. */
    parts: [...new Set(steps.flatMap(partsOf))].map((part) => PARTS[part].selector),
  }));

function partsOf({ formula = '', symbols = [], hides = [] }: Lesson['steps'][number]): PartId[] {
  const inFormula = [...formula.matchAll(/\\part\{(\w+)\}/g)].map(([, part]) => part as PartId);
  return [...inFormula, ...symbols.flatMap(({ part }) => part ?? []), ...hides];
}
