/** Parts of the page that a lesson points at or puts away. */
export const PARTS = {
  matrix: { name: 'the matrix', selector: '.matrix-panel .square' },
  modes: { name: 'the switch between A and S', selector: '.matrix-panel .modes' },
  pair: { name: 'the two chunks under the matrix', selector: '.matrix-panel .pair' },
  time: { name: 'the time line', selector: '.matrix-panel .time' },
  loss: { name: 'the chart of the losses', selector: '.charts [role="img"][aria-label^="Loss"]' },
  recall: { name: 'the chart of the recall', selector: '.charts [role="img"][aria-label^="Recall@1"]' },
  documents: {
    name: 'the chart of what is read per row',
    selector: '.charts [role="img"][aria-label^="Read per row"]',
  },
  gradient: { name: 'the chart of the gradients', selector: '.charts [role="img"][aria-label^="Gradient norm"]' },
  charts: { name: 'the charts', selector: 'section.charts' },
  settings: { name: 'the settings', selector: 'header .settings' },
  panels: { name: 'the panels', selector: 'nav.panel-tabs' },
} as const;

export type PartId = keyof typeof PARTS;

export function isPart(id: string): id is PartId {
  return Object.hasOwn(PARTS, id);
}

/** Marks a part of the page, so that the eye finds it. Returns how to take the mark off. */
export function light(part: PartId): () => void {
  return mark(part, 'data-lit');
}

/** Puts parts of the page away; their places stay. Returns how to bring them back. */
export function putAway(parts: readonly PartId[]): () => void {
  const back = parts.map((part) => mark(part, 'data-away'));
  return () => back.forEach((bring) => bring());
}

function mark(part: PartId, attribute: string): () => void {
  const element = document.querySelector(PARTS[part].selector);
  element?.setAttribute(attribute, '');
  return () => element?.removeAttribute(attribute);
}
