import { createContext } from 'svelte';
import type { TakeHome } from './adapters/takeHome.svelte.ts';
import type { DrawerState } from './drawer/drawer.svelte.ts';
import type { Inspect } from './inspect/inspect.svelte.ts';
import type { Models } from './models/models.svelte.ts';
import type { Session } from './run/session.svelte.ts';
import type { View } from './run/view.svelte.ts';
import type { Runs } from './runs/runs.svelte.ts';
import type { Search } from './search/search.svelte.ts';
import type { Draft } from './settings/draft.svelte.ts';
import type { AddressBar } from './share/addressBar.svelte.ts';
import type { Theme } from './theme.svelte.ts';

/** What every panel may look at. */
export interface Page {
  readonly draft: Draft;
  readonly session: Session;
  readonly view: View;
  readonly drawer: DrawerState;
  readonly models: Models;
  readonly takeHome: TakeHome;
  readonly search: Search;
  readonly inspect: Inspect;
  readonly runs: Runs;
  readonly address: AddressBar;
  readonly theme: Theme;
}

export const [usePage, providePage] = createContext<Page>();
