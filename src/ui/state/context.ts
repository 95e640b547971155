import { createContext } from 'svelte';
import type { TakeHome } from '../panels/takeHome/takeHome.svelte.ts';
import type { Panels } from '../shell/panels/panels.svelte.ts';
import type { Evaluation } from '../panels/evaluation/evaluation.svelte.ts';
import type { Encoders } from '../panels/encoders/encoders.svelte.ts';
import type { Inspect } from '../panels/inspect/inspect.svelte.ts';
import type { Models } from '../panels/models/models.svelte.ts';
import type { Session } from './session.svelte.ts';
import type { View } from './view.svelte.ts';
import type { Runs } from '../panels/runs/runs.svelte.ts';
import type { FairComparisons } from '../panels/runs/fair/fair.svelte.ts';
import type { Present } from '../panels/present/present.svelte.ts';
import type { Search } from '../panels/search/search.svelte.ts';
import type { Draft } from '../panels/settings/draft.svelte.ts';
import type { Story } from '../panels/story/story.svelte.ts';
import type { Texts } from '../panels/text/texts.svelte.ts';
import type { AddressBar } from '../panels/share/addressBar.svelte.ts';
import type { Theme } from './theme.svelte.ts';

/** What every panel may look at. */
export interface Page {
  readonly draft: Draft;
  readonly session: Session;
  readonly view: View;
  readonly panels: Panels;
  readonly models: Models;
  readonly encoders: Encoders;
  readonly takeHome: TakeHome;
  readonly search: Search;
  readonly evaluation: Evaluation;
  readonly inspect: Inspect;
  readonly runs: Runs;
  readonly fair: FairComparisons;
  readonly address: AddressBar;
  readonly texts: Texts;
  readonly theme: Theme;
  readonly story: Story;
  readonly present: Present;
}

export const [usePage, providePage] = createContext<Page>();
