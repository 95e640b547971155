import { Evaluation } from '../panels/evaluation/evaluation.svelte.ts';
import { Encoders } from '../panels/encoders/encoders.svelte.ts';
import { Inspect } from '../panels/inspect/inspect.svelte.ts';
import { Lessons } from '../panels/lessons/lessons.svelte.ts';
import { Models } from '../panels/models/models.svelte.ts';
import { Present } from '../panels/present/present.svelte.ts';
import { FairComparisons } from '../panels/runs/fair/fair.svelte.ts';
import { Runs } from '../panels/runs/runs.svelte.ts';
import { Search } from '../panels/search/search.svelte.ts';
import { Draft } from '../panels/settings/draft.svelte.ts';
import { AddressBar } from '../panels/share/addressBar.svelte.ts';
import { openPlace } from '../panels/share/openPlace.ts';
import { Story } from '../panels/story/story.svelte.ts';
import { TakeHome } from '../panels/takeHome/takeHome.svelte.ts';
import { Texts } from '../panels/text/texts.svelte.ts';
import type { Page } from '../state/context.ts';
import { Session } from '../state/session.svelte.ts';
import { Theme } from '../state/theme.svelte.ts';
import { View } from '../state/view.svelte.ts';
import { Panels } from './panels/panels.svelte.ts';

/** What all parts of a page look at, before anything is shown. Nothing listens yet to the address. */
export function createPage(): { readonly page: Page; readonly lessons: Lessons } {
  const draft = new Draft();
  const session = new Session(draft);
  const view = new View(session, draft);
  const panels = new Panels();
  const address = new AddressBar(
    draft,
    () => session.prepare(),
    (place) => openPlace(place, { panels, session, view }),
  );
  const models = new Models(session);
  const takeHome = new TakeHome(session, draft);
  const page: Page = {
    draft,
    session,
    view,
    panels,
    models,
    encoders: new Encoders(session, () => models.hub),
    takeHome,
    search: new Search(session, takeHome),
    evaluation: new Evaluation(session, draft),
    inspect: new Inspect(session),
    runs: new Runs(session),
    fair: new FairComparisons(session),
    address,
    texts: new Texts(session),
    theme: new Theme(),
    story: new Story(session, view, draft),
    present: new Present(),
  };
  return { page, lessons: new Lessons(() => address.resume()) };
}
