import { load, save } from '../../state/storage.ts';

/** Panels that other parts of the page open; the rest is opened by its tab only. All stand in panels.ts. */
export type NamedPanel = 'model' | 'takeHome' | 'runs' | 'pair';

/** Shares of the window's height that a panel may take. */
export const SHARE = { least: 0.2, most: 0.9 } as const;
const STORED = 'drawer';

/** Which panel of the drawer is open, by its id, and how much of the window it takes. */
export class DrawerState {
  open = $state<string>();
  /** The share of the window's height that the reader chose; undefined leaves it to the panel. */
  share = $state(restored());

  toggle(id: string): void {
    this.open = this.open === id ? undefined : id;
  }

  show(id: NamedPanel): void {
    this.open = id;
  }

  close(): void {
    this.open = undefined;
  }

  /** Takes a share of the window's height, as near as it can be; undefined gives each panel its own back. */
  resize(share: number | undefined): void {
    this.share = share === undefined ? undefined : Math.min(SHARE.most, Math.max(SHARE.least, share));
    save(STORED, this.share ?? null);
  }
}

function restored(): number | undefined {
  const share = load<unknown>(STORED);
  return typeof share === 'number' && share >= SHARE.least && share <= SHARE.most ? share : undefined;
}
