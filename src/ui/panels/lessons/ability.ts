import type { LessonAction } from './lesson.ts';

/** How an action is done on this machine. */
export interface Ability {
  /** What its button does: runs it here, shows what was measured, shows a recorded run or another matrix; nothing: it cannot. */
  readonly does: 'run' | 'measured' | 'show' | 'nothing';
  /** Whether it can be run here as well, which takes a while. */
  readonly runsToo: boolean;
}

/** So many steps, over all seeds, are waited for; for longer trials what was measured comes first. */
const SOON = 20;

/** `isMeasured`: whether its numbers came with the page. `hasGpu`: undefined until that is known. */
export function abilityOf(
  action: LessonAction,
  { isMeasured, hasGpu }: { readonly isMeasured: boolean; readonly hasGpu: boolean | undefined },
): Ability {
  const { run, steps = 1, seeds = 1 } = action;
  if (run === undefined) return { does: 'show', runsToo: false };
  const runs = hasGpu !== false;
  if (run === 'train') return { does: runs ? 'run' : 'nothing', runsToo: false };
  const isLong = steps * seeds > SOON;
  if (isMeasured && (isLong || !runs)) return { does: 'measured', runsToo: runs };
  return { does: runs ? 'run' : 'nothing', runsToo: false };
}
