import type { PanelId } from './table.ts';

/** Which panel stands beside the matrix, and whether it has the page to itself. */
export class Panels {
  /** Undefined where the charts do. */
  open = $state<PanelId>();
  /** Whether the open panel takes the whole page. */
  isWhole = $state(false);

  show(id: PanelId): void {
    this.open = id;
  }

  /** Back to the charts. */
  close(): void {
    this.open = undefined;
    this.isWhole = false;
  }
}
