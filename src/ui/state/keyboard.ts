/** What the page's keys do. */
export interface KeyActions {
  trainOrPause(): void;
  step(): void;
  /** To the chapter before, where a story is told. */
  back(): void;
  present(): void;
  help(): void;
}

interface Key {
  readonly action: keyof KeyActions;
  /** Elements that have a use of their own for it. */
  readonly owners: string;
  /** Whether it acts again and again while it is held down. */
  readonly repeats?: true;
}

/** Elements that letters are typed into. */
const LETTERS = 'input:not([type="range"], [type="radio"], [type="checkbox"]), select, textarea, [contenteditable]';

const KEYS: Readonly<Record<string, Key>> = {
  ' ': {
    action: 'trainOrPause',
    owners: 'button, input, select, textarea, summary, a, [role="tab"], [role="listbox"], [contenteditable]',
  },
  ArrowRight: {
    action: 'step',
    owners: 'input, select, textarea, [role="tab"], [role="listbox"], [role="application"], [contenteditable]',
    repeats: true,
  },
  ArrowLeft: {
    action: 'back',
    owners: 'input, select, textarea, [role="tab"], [role="listbox"], [role="application"], [contenteditable]',
    repeats: true,
  },
  p: { action: 'present', owners: LETTERS },
  P: { action: 'present', owners: LETTERS },
  '?': {
    action: 'help',
    owners: LETTERS,
  },
};

/** Runs the action of a key, unless what has the focus wants it or a dialog is open. */
export function handleKey(event: KeyboardEvent, actions: KeyActions): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Partial<Element> | null;
  const isIn = (selector: string): boolean => Boolean(target?.closest?.(selector));
  if (isIn('dialog') || document.querySelector('dialog[open]')) return;
  const key = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
  if (!key || isIn(key.owners)) return;
  event.preventDefault();
  if (!event.repeat || key.repeats) actions[key.action]();
}
