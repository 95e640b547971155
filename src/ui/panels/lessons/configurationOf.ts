import { configure, type Configuration } from '../../../settings/configuration.ts';
import { preset } from '../../../settings/presets.ts';
import type { LessonAction } from './lesson.ts';

/** What an action runs: the reader's own checkpoint and memory, everything else as the lesson says. */
export function configurationOf(
  { preset: id, changes }: Pick<LessonAction, 'preset' | 'changes'>,
  { checkpoint, retrieverCheckpoint, memoryBudget }: Configuration,
): Configuration {
  const base = id === undefined ? undefined : preset(id).configuration;
  return configure({ checkpoint, retrieverCheckpoint, memoryBudget, ...changes }, base);
}
