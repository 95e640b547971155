/** Fields that take text by themselves, moved words included. */
const TEXT_FIELDS =
  'textarea, [contenteditable], input:not([type="range"], [type="radio"], [type="checkbox"], [type="file"])';

type Dragging = Pick<DragEvent, 'target' | 'dataTransfer'>;

/** Whether files are dragged, and not words or a link. */
export function carriesFiles({ dataTransfer }: Dragging): boolean {
  return dataTransfer?.types.includes('Files') ?? false;
}

/** Whether what is dragged belongs to the field under it: the browser moves words there, and can undo that. */
export function belongsToField(event: Dragging): boolean {
  if (carriesFiles(event)) return false;
  // Text nodes, which some browsers name as the target, have no closest().
  const target = event.target as Partial<Element> | null;
  return Boolean(target?.closest?.(TEXT_FIELDS));
}
