import type { RunRecord } from '../../../run/record.ts';
import type { Page } from '../../state/context.ts';
import { History } from '../../state/history/history.ts';
import { fetchRun } from '../../state/history/recorded.ts';
import { hasWebGpu } from '../../state/webGpu.ts';
import { configurationOf } from './configurationOf.ts';
import type { LessonAction } from './lesson.ts';
import { pauseAt } from './pauseAt.ts';

const runs = new Map<string, Promise<RunRecord | undefined>>();

/** A run of public/recorded, fetched once. */
export function recordedRun(name: string): Promise<RunRecord | undefined> {
  const found = runs.get(name) ?? fetchRun(name);
  runs.set(name, found);
  return found;
}

/** Stops watching for the step at which the action before wanted to pause. */
let unwatch: (() => void) | undefined;

/**
 * Does what a button of a lesson says, after a call of `before`. Returns why it cannot, in words; undefined when it has.
 * Where nothing can be trained, nothing changes.
 */
export async function act(action: LessonAction, page: Page, before: () => void): Promise<string | undefined> {
  const { draft, panels, models, session, view } = page;
  if (action.run !== undefined && !hasWebGpu) {
    return 'This trains, which needs WebGPU, and this browser does not offer it. Nothing was changed; the note at the top says how to get it.';
  }
  unwatch?.();
  before();
  if (action.matrix) view.mode = action.matrix;
  if (action.recorded !== undefined) return showRecorded(action.recorded, action.step ?? 0, page);
  if (action.run === undefined) return undefined;
  const configuration = configurationOf(action, draft.configuration);
  if (configuration.base === 'checkpoint') await models.refresh();
  if (configuration.base === 'checkpoint' && !models.hasBasesOf(configuration)) {
    panels.show('model');
    return 'This needs a checkpoint on this machine: choose one in the panel that has opened, then press again.';
  }
  draft.adopt(configuration);
  session.reset();
  view.follow();
  if (action.until !== undefined) unwatch = pauseAt(action.until, configuration, session);
  void (action.run === 'step' ? session.singleStep() : session.train());
  return undefined;
}

async function showRecorded(name: string, step: number, { session, view }: Page): Promise<string | undefined> {
  const run = await recordedRun(name);
  if (!run) return 'This copy of the page has no recorded run for this.';
  session.show({
    name: `${run.name} (recorded)`,
    history: History.from(run),
    configuration: run.configuration,
    corpus: run.corpus,
  });
  view.travel(step);
  return undefined;
}
