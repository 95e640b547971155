import { load, save } from '../storage.ts';

/** Text of the reader's own, with what to call it. */
export interface OwnText {
  readonly title: string;
  readonly content: string;
}

const STORED = 'text';

/** The reader's text, kept over a reload, and the one that it took the place of. */
export class ReadersText {
  present = $state.raw<OwnText>(load<OwnText>(STORED) ?? { title: '', content: '' });
  /** Text that a file or a resumed run took the place of. */
  before = $state.raw<OwnText>();

  /** Takes what was typed: nothing to go back to. */
  keep(text: OwnText): void {
    if (text === this.present) return;
    this.present = text;
    save(STORED, text);
  }

  /** Takes text that came whole; what was there can be brought back. */
  replace(text: OwnText): void {
    const before = this.present;
    this.keep(text);
    if (before.content.trim() !== '' && before.content !== text.content) this.before = before;
  }
}
