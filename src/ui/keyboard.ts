/** What the page's keys do. */
export interface KeyActions {
  trainOrPause(): void;
  step(): void;
  help(): void;
}

/** Elements that have a use of their own for the keys below. */
const OWN_SPACE = 'button, input, select, textarea, summary, a, [role="tab"], [contenteditable]';
const OWN_ARROWS = 'input, select, textarea, [role="tab"], [role="application"], [contenteditable]';
const OWN_LETTERS = 'input:not([type="range"], [type="radio"], [type="checkbox"]), textarea, [contenteditable]';

/** Runs the action of a key, unless what has the focus wants it or a dialog is open. */
export function handleKey(event: KeyboardEvent, actions: KeyActions): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest('dialog') || document.querySelector('dialog[open]')) return;
  const isIn = (selector: string): boolean => Boolean(target?.closest(selector));
  if (event.key === ' ' && !isIn(OWN_SPACE)) actions.trainOrPause();
  else if (event.key === 'ArrowRight' && !isIn(OWN_ARROWS)) actions.step();
  else if (event.key === '?' && !isIn(OWN_LETTERS)) actions.help();
  else return;
  event.preventDefault();
}
