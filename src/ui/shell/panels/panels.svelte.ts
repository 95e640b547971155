/**
 * The panels of table.ts with what stands on their tabs, named here because they use what everything on the page may look at, which
 * names them.
 */
export const PANEL_LABELS = {
  pair: 'Inside',
  search: 'Search',
  evaluation: 'Evaluation',
  model: 'Model',
  runs: 'Runs',
  takeHome: 'Take home',
  share: 'Share',
  timeline: 'Timeline',
  kernels: 'Kernels',
} as const;
export type PanelId = keyof typeof PANEL_LABELS;

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
