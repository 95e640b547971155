import { PRESETS } from '../../../settings/presets.ts';
import { CodeError, decodeConfiguration, encodeConfiguration } from '../../../settings/configurationCode.ts';
import { changedSettings, type Configuration } from '../../../settings/configuration.ts';
import { readPlace } from '../lessons/link.ts';
import type { Draft } from '../settings/draft.svelte.ts';
import { claims, whyNoCode } from './claims.ts';
import { placeCode, splitFragment, type SharedPlace } from './place.ts';

/** Settings that rest this long become an entry of the browser's history. */
const REST_MS = 600;

/**
 * Keeps the settings in the address: what is changed becomes a fragment that can be copied, and a fragment that is opened,
 * or come back to, becomes the settings. Text is never part of it.
 */
export class AddressBar {
  /** Why the link that was opened is not used; the settings are as they were. */
  problem = $state<string>();
  /** The reader's own settings, which those of the link that the page was opened with took the place of. */
  former = $state.raw<Configuration>();

  /** What else the link names cannot be shown; the rest of it is. */
  unshown = $state.raw<readonly string[]>([]);

  /** The settings as they were read or written last. */
  private known = '';
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * `onread`: what to do when a link has changed the settings while the page is open. `onplace`: shows what a link names beside them,
   * and says what of it cannot be shown.
   */
  constructor(
    private readonly draft: Draft,
    private readonly onread: () => void,
    private readonly onplace: (place: SharedPlace) => Promise<string[]>,
  ) {}

  /** Reads the address the page was opened with. Returns how to stop listening. */
  start(): () => void {
    const own = this.draft.configuration;
    if (claims(this.fragment)) this.read();
    const isOverwritten = changedSettings(this.draft.configuration, own).length > 0;
    if (isOverwritten && changedSettings(own, plain()).length > 0) this.former = own;
    this.known = encodeConfiguration(this.draft.configuration);
    // What a link shows stays in the address until something is changed.
    if (this.problem === undefined && !this.place) this.write('replace');
    const listen = (): void => {
      clearTimeout(this.timer);
      void this.openPlace();
      if (claims(this.fragment)) this.read();
      else if (this.fragment === '' && location.hash.length < 2) this.take(plain());
      else return;
      this.onread();
    };
    window.addEventListener('hashchange', listen);
    return () => window.removeEventListener('hashchange', listen);
  }

  /** What the address names beside settings and lessons. */
  get place(): SharedPlace | undefined {
    return splitFragment(location.hash.slice(1)).place;
  }

  /** Shows what the address names. To be called once what the page begins with is there. */
  async openPlace(): Promise<void> {
    const { place, problems } = splitFragment(location.hash.slice(1));
    this.unshown = [...problems, ...(place ? await this.onplace(place) : [])];
  }

  /** Writes the settings into the address once they have rested. To be called whenever they have changed. */
  follow(): void {
    clearTimeout(this.timer);
    if (encodeConfiguration(this.draft.configuration) === this.known) return;
    this.timer = setTimeout(() => this.write('push'), REST_MS);
  }

  /** The page's address with the settings as they now are. */
  get link(): string {
    return `${this.page}#${encodeConfiguration(this.draft.configuration)}`;
  }

  /** The page's address with what is looked at, and the settings where they are not what everybody begins with. */
  linkTo(place: SharedPlace): string {
    const fields = [this.settings, placeCode(place)];
    return `${this.page}#${fields.filter((field) => field !== '').join('&')}`;
  }

  /** The settings as they now are; empty where they are what everybody begins with. */
  get settings(): string {
    const code = encodeConfiguration(this.draft.configuration);
    return code === encodeConfiguration(plain()) ? '' : code;
  }

  /** The page's own address, without what it shows. */
  get page(): string {
    return location.origin + location.pathname;
  }

  dismiss(): void {
    this.problem = undefined;
    this.unshown = [];
    this.write('replace');
  }

  /** Puts the reader's own settings in the place of the link's; the browser's back button brings those again. */
  bringBack(): void {
    if (!this.former) return;
    this.draft.adopt(this.former);
    this.former = undefined;
    this.onread();
  }

  /** Goes on with the settings of the link. */
  letGo(): void {
    this.former = undefined;
  }

  /** Puts the settings into the address again, after something else stood there. */
  resume(): void {
    history.replaceState(null, '', location.pathname + location.search);
    this.write('replace');
  }

  /** What the address says of settings and lessons. */
  private get fragment(): string {
    return splitFragment(location.hash.slice(1)).rest;
  }

  private read(): void {
    this.problem = whyNoCode(this.fragment);
    if (this.problem !== undefined) return;
    try {
      this.take(decodeConfiguration(this.fragment));
    } catch (error) {
      if (!(error instanceof CodeError)) throw error;
      this.problem = error.message;
    }
  }

  private take(configuration: Configuration): void {
    this.problem = undefined;
    this.draft.adopt(configuration);
    this.known = encodeConfiguration(configuration);
  }

  private write(how: 'push' | 'replace'): void {
    const code = encodeConfiguration(this.draft.configuration);
    this.known = code;
    // While a lesson is read the address is its place: the settings come with it.
    if (readPlace(this.fragment)) return;
    // What everybody begins with needs no fragment.
    const wanted = this.settings;
    if (wanted === this.fragment) return;
    const url = location.pathname + location.search + (wanted && `#${wanted}`);
    if (how === 'push') history.pushState(null, '', url);
    else history.replaceState(null, '', url);
    this.problem = undefined;
  }
}

/** What an address without a fragment stands for. */
function plain(): Configuration {
  return PRESETS[0]?.configuration ?? decodeConfiguration('v=1&preset=facts');
}
