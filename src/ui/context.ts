import { createContext } from 'svelte';
import type { Session } from './run/session.svelte.ts';
import type { View } from './run/view.svelte.ts';
import type { Draft } from './settings/draft.svelte.ts';
import type { Theme } from './theme.svelte.ts';

/** What every panel may look at. */
export interface Page {
  readonly draft: Draft;
  readonly session: Session;
  readonly view: View;
  readonly theme: Theme;
}

export const [usePage, providePage] = createContext<Page>();
