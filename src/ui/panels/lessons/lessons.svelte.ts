import type { Configuration } from '../../../settings/configuration.ts';
import { splitFragment } from '../share/place.ts';
import type { Trials } from './trials/trials.svelte.ts';
import { placeFragment, readPlace, type Place } from './link.ts';

/** Whether lessons stand in the column of the text, and which step of which one. The address follows: #lesson=3.2. */
export class Lessons {
  isOpen = $state(false);
  /** The step that is read; undefined while the list of lessons is. */
  place = $state.raw<Place>();
  /** The reader's own settings, from before the first button was pressed. */
  own = $state.raw<Configuration>();
  /** What was foretold and tried; undefined until the lessons are opened. */
  trials: Trials | undefined;

  /** `onleave`: what puts something else into the address again. */
  constructor(private readonly onleave: () => void) {}

  /** Opens what the address names, now and when it changes. Returns how to stop listening. */
  start(): () => void {
    const follow = (): void => {
      const place = readPlace(splitFragment(location.hash.slice(1)).rest);
      if (place) this.isOpen = true;
      else if (this.place) this.isOpen = false;
      this.place = place;
    };
    follow();
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }

  /** Opens the lessons where they were left. */
  open(): void {
    this.isOpen = true;
    if (this.place) this.go(this.place);
  }

  go(place: Place): void {
    this.isOpen = true;
    this.place = place;
    const url = `${location.pathname}${location.search}#${placeFragment(place)}`;
    // One entry of the browser's history for all lessons: its back button leaves them.
    if (readPlace(location.hash.slice(1))) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
  }

  /** Back to the list. */
  list(): void {
    this.place = undefined;
    this.onleave();
  }

  /** Back to the text; the lessons stay where they are. */
  close(): void {
    this.isOpen = false;
    this.onleave();
  }
}
