import { History } from '../../state/history/history.ts';
import type { Page } from '../../state/context.ts';
import { recordedRun } from '../lessons/act.ts';
import { PANEL_LABELS, type PanelId } from '../../shell/panels/panels.svelte.ts';
import { quoted } from './claims.ts';
import { RECORDED_RUNS, type SharedPlace } from './place.ts';

/** Shows what a link names, as far as it can be shown. Returns what cannot, in words. */
export async function openPlace(
  place: SharedPlace,
  page: Pick<Page, 'panels' | 'session' | 'view'>,
): Promise<string[]> {
  const { session, view } = page;
  const problems: string[] = [];
  const isThere = place.run === undefined || (await showRun(place.run, page));
  if (!isThere) {
    const names = RECORDED_RUNS.join(', ');
    problems.push(`There is no recorded run called ${quoted(place.run ?? '')} here; there are ${names}.`);
  }
  if (place.matrix !== undefined) {
    if (view.table.matrices.some(({ symbol }) => symbol === place.matrix)) view.mode = place.matrix;
    else problems.push(`This run has no matrix ${quoted(place.matrix)}.`);
  }
  if (place.batch !== undefined) {
    const subject = place.batch === 'fixed' ? 'probe' : 'step';
    view.show(subject);
    if (view.subject !== subject) problems.push('This run has no batch that stays the same.');
  }
  // A step of a run that is not here would be one of another run.
  if (place.step !== undefined && isThere) {
    const { last } = view.moment;
    view.travel(Math.min(place.step, last));
    if (place.step > last)
      problems.push(last > 0 ? `This run ends at step ${last}.` : 'There is no step to look at yet.');
  } else if (session.kind === 'recorded' || place.run !== undefined) view.travel(view.moment.last);
  if (place.cell !== undefined) {
    const { row, column } = place.cell;
    if (Math.max(row, column) < view.places.length) view.select(place.cell);
    else if (view.places.length > 0) problems.push(`The matrix has ${view.places.length} rows and columns.`);
  }
  if (place.panel !== undefined) {
    if (Object.hasOwn(PANEL_LABELS, place.panel)) page.panels.show(place.panel as PanelId);
    else problems.push(`There is no panel called ${quoted(place.panel)}.`);
  }
  return problems;
}

/** Whether a recorded run is shown now. */
async function showRun(name: string, { session }: Pick<Page, 'session'>): Promise<boolean> {
  if (!(RECORDED_RUNS as readonly string[]).includes(name)) return false;
  if (session.stage.recordedAs === name) return true;
  const run = await recordedRun(name);
  if (!run) return false;
  const { configuration, corpus } = run;
  session.show({ name: run.name, history: History.from(run), configuration, corpus, recordedAs: name });
  return true;
}
