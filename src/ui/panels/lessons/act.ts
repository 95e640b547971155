import type { RunRecord } from '../../../run/record.ts';
import type { Page } from '../../state/context.ts';
import { History } from '../../state/history/history.ts';
import { fetchRun } from '../../state/history/recorded.ts';
import { configurationOf } from './configurationOf.ts';
import type { LessonAction } from './lesson.ts';

/** Storage that does not answer within this time is not waited for. */
const PATIENCE_MS = 10_000;

const runs = new Map<string, Promise<RunRecord | undefined>>();

/** A run of public/recorded, fetched once. */
export async function recordedRun(name: string): Promise<RunRecord | undefined> {
  const found = runs.get(name) ?? fetchRun(name);
  runs.set(name, found);
  const run = await found;
  // What could not be fetched is tried again the next time.
  if (!run) runs.delete(name);
  return run;
}

/**
 * Begins a run of the reader's own with what an action says, after a call of `before`. Returns why it cannot, in words; undefined
 * when it has.
 */
export async function trainHere(action: LessonAction, page: Page, before: () => void): Promise<string | undefined> {
  const { draft, session, view } = page;
  const configuration = configurationOf(action, draft.configuration);
  const problem = configuration.base === 'checkpoint' ? await missingBases(configuration, page) : undefined;
  if (problem !== undefined) return problem;
  before();
  draft.adopt(configuration);
  session.reset();
  view.follow();
  void session.train();
  return undefined;
}

/** Shows a recorded run at a step. Returns it, or why it cannot, in words. */
export async function showRecorded(
  { recorded = '', step = 0 }: LessonAction,
  { session, view }: Pick<Page, 'session' | 'view'>,
): Promise<RunRecord | string> {
  const run = await recordedRun(recorded);
  if (!run) return 'This copy of the page has no recorded run for this.';
  session.show({
    name: run.name,
    history: History.from(run),
    configuration: run.configuration,
    corpus: run.corpus,
    recordedAs: recorded,
  });
  view.travel(step);
  return run;
}

/** Why a run on a checkpoint cannot begin; leads to where one comes from. */
async function missingBases(
  configuration: Parameters<Page['models']['hasBasesOf']>[0],
  { panels, models }: Pick<Page, 'panels' | 'models'>,
): Promise<string | undefined> {
  const isListed = await Promise.race([
    models.refresh().then(() => true),
    new Promise<false>((done) => setTimeout(done, PATIENCE_MS, false)),
  ]);
  const { requests } = models;
  const failure = requests.errorOf('listModels');
  if (failure)
    return `Which checkpoints are on this machine could not be found out: ${failure.message} ${failure.action}`;
  if (!isListed) return 'The list of checkpoints on this machine does not come. Reload the page, then press again.';
  if (models.hasBasesOf(configuration)) return undefined;
  panels.show('model');
  return 'This needs a checkpoint on this machine: choose one in the panel that has opened, then press again.';
}
