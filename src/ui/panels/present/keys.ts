export interface PresentKeys {
  readonly playOrStop: () => void;
  /** By a chapter, or by a picture. */
  readonly move: (by: 1 | -1) => void;
}

/** Keys of the presentation: nothing else on the page hears them. What has the focus keeps those it has a use for. */
export function presentKey(event: KeyboardEvent, { playOrStop, move }: PresentKeys): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Partial<Element> | null;
  if (target?.closest?.('select')) return;
  const isButton = Boolean(target?.closest?.('button'));
  if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') move(event.key === 'ArrowRight' ? 1 : -1);
  else if (event.key === ' ' && !isButton) playOrStop();
  else return;
  event.preventDefault();
}
