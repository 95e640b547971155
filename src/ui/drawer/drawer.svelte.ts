import type { PanelId } from './panels.ts';

/** Which panel of the drawer is open. */
export class DrawerState {
  open = $state<PanelId>();

  toggle(id: PanelId): void {
    this.open = this.open === id ? undefined : id;
  }

  show(id: PanelId): void {
    this.open = id;
  }

  close(): void {
    this.open = undefined;
  }
}
