import { load, save } from '../../state/storage.ts';

/** The panels; what each is called and holds stands in panels.ts. */
export type PanelId = 'model' | 'search' | 'takeHome' | 'timeline' | 'runs' | 'share' | 'pair' | 'kernels';

/** Shares of the window's height that a panel may take. */
export const SHARE = { least: 0.2, most: 0.9 } as const;
const STORED = 'drawer';

/** Which panel of the drawer is open, and how much of the window it takes. */
export class DrawerState {
  open = $state<PanelId>();
  /** The share of the window's height that the reader chose; undefined leaves it to the panel. */
  share = $state(restored());

  toggle(id: PanelId): void {
    this.open = this.open === id ? undefined : id;
  }

  show(id: PanelId): void {
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
