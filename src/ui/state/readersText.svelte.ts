import { load, save } from './storage.ts';
import { isLargeLoss } from './textLoss.ts';

/** Text of the reader's own, with what to call it. */
export interface OwnText {
  readonly title: string;
  readonly content: string;
}

const STORED = 'text';

/** The reader's text, kept over a reload, and the one that it took the place of. */
export class ReadersText {
  present = $state.raw<OwnText>(restored());
  /** Text that a file, a resumed run or a large deletion took away. */
  before = $state.raw<OwnText>();

  /** Takes what was typed. What was there can be brought back if much of it is gone: a field forgets how to undo. */
  keep(text: OwnText): void {
    const { present, before } = this;
    const isBack = before?.content === text.content;
    if (isBack) this.before = undefined;
    if (isLargeLoss(present.content, text.content, before !== undefined && !isBack)) this.before = present;
    this.put(text);
  }

  /** Takes text that came whole; what was there can be brought back. */
  replace(text: OwnText): void {
    const before = this.present;
    this.put(text);
    if (before.content.trim() !== '' && before.content !== text.content) this.before = before;
  }

  private put(text: OwnText): void {
    if (text === this.present) return;
    this.present = text;
    save(STORED, text);
  }
}

/** The text of the last visit; none where what was saved is no text. */
function restored(): OwnText {
  const { title, content } = load<Partial<Record<keyof OwnText, unknown>> | null>(STORED) ?? {};
  return typeof title === 'string' && typeof content === 'string' ? { title, content } : { title: '', content: '' };
}
