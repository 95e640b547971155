/** The panels of table.ts, named here because they use what everything on the page may look at, which names them. */
export type PanelId = 'pair' | 'search' | 'model' | 'runs' | 'takeHome' | 'share' | 'timeline' | 'kernels';

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
