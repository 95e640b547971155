import type { GivenFile, GivenText, Split } from '../../lab/door/views.ts';
import { isSameText } from '../../lab/door/texts.ts';
import { load, save } from './storage.ts';
import { isLargeLoss } from './textLoss.ts';

/** Text of the reader's own, with what to call it. */
export interface OwnText extends GivenText {
  readonly title: string;
}

const STORED = 'text';
const NONE: OwnText = { title: '', files: [] };

/** The reader's text, kept over a reload, and the one that it took the place of. */
export class ReadersText {
  present = $state.raw<OwnText>(restored());
  /** Text that a file, a resumed run or a large deletion took away. */
  before = $state.raw<OwnText>();

  /** Takes what was typed. What was there can be brought back if much of it is gone: a field forgets how to undo. */
  keep(text: OwnText): void {
    const { present, before } = this;
    const isBack = before !== undefined && isSameText(before, text);
    if (isBack) this.before = undefined;
    if (isLargeLoss(contentOf(present), contentOf(text), before !== undefined && !isBack)) this.before = present;
    this.put(text);
  }

  /** Takes text that came whole; what was there can be brought back. */
  replace(text: OwnText): void {
    const before = this.present;
    this.put(text);
    if (!isBlank(before) && contentOf(before) !== contentOf(text)) this.before = before;
  }

  private put(text: OwnText): void {
    if (text === this.present) return;
    this.present = text;
    save(STORED, text);
  }
}

/** Whether there is nothing to read in it. */
export function isBlank({ files }: GivenText): boolean {
  return files.every(({ text }) => !/\S/.test(text));
}

/** All of it as one string. */
export function contentOf({ files }: GivenText): string {
  return files.length === 1 ? (files[0]?.text ?? '') : files.map(({ text }) => text).join('\n\n');
}

/** The text of the last visit; none where what was saved is no text. */
function restored(): OwnText {
  const stored = load<unknown>(STORED);
  if (typeof stored !== 'object' || stored === null) return NONE;
  const { title, content, files, splits } = stored as Readonly<Record<string, unknown>>;
  if (typeof title !== 'string') return NONE;
  // Earlier visits kept one string.
  if (typeof content === 'string') return { title, files: [{ name: title, text: content }] };
  if (!Array.isArray(files) || !files.every(isFile)) return NONE;
  return { title, files, ...(Array.isArray(splits) && splits.every(isSplit) && { splits }) };
}

function isFile(value: unknown): value is GivenFile {
  const { name, text } = (value ?? {}) as Partial<Record<keyof GivenFile, unknown>>;
  return typeof name === 'string' && typeof text === 'string';
}

function isSplit(value: unknown): value is Split {
  const { file, at, begins } = (value ?? {}) as Partial<Record<keyof Split, unknown>>;
  return typeof file === 'number' && typeof at === 'number' && typeof begins === 'boolean';
}
