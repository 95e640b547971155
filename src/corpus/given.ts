import { CorpusError } from './errors.ts';

/** One file of the reader's text: as it was typed, or as a reader took it out of its format (sources/readers). */
export interface GivenFile {
  /** Its name, with its path below the folder that was given; for what was pasted, what it is called. */
  readonly name: string;
  readonly text: string;
  /** What was found and done when it was read: an old encoding, characters left out. For people. */
  readonly notes?: readonly string[];
}

/** A place where the reader has put a document's beginning, or taken one away. */
export interface Split {
  /** Index of the file. */
  readonly file: number;
  /** Where in its text the paragraph begins. */
  readonly at: number;
  readonly begins: boolean;
}

/** Text of the reader's own, as it was given: what a run on it is made from. */
export interface GivenText {
  readonly files: readonly GivenFile[];
  /** Corrections by hand of where documents begin; the last of a place counts. Those whose place is not there change nothing. */
  readonly splits?: readonly Split[];
  /** Set for texts of runs that were saved before documents could be chosen: they are divided as they were then. */
  readonly dividedAs?: 'earlier';
}

/** Largest text taken, in UTF-8 bytes of all files together. */
export const MAXIMUM_TEXT_BYTES = 20 * 1024 * 1024;

/** A text of one piece. */
export function pastedText(name: string, text: string): GivenText {
  return { files: [{ name, text }] };
}

/** What several files are called together: "notes.md and 2 more". */
export function titleOf({ files }: GivenText): string {
  const [first, ...others] = files.map(({ name }) => name.slice(name.lastIndexOf('/') + 1));
  return others.length === 0 ? (first ?? '') : `${first} and ${others.length} more`;
}

/** Whether two texts are the same to whoever reads them. */
export function isSameText(a: GivenText, b: GivenText): boolean {
  if (a === b) return true;
  if (a.files.length !== b.files.length || a.dividedAs !== b.dividedAs) return false;
  const isSameFile = (file: GivenFile, i: number): boolean =>
    file === b.files[i] || (file.name === b.files[i]?.name && file.text === b.files[i].text);
  if (!a.files.every(isSameFile)) return false;
  const [before, after] = [a.splits ?? [], b.splits ?? []];
  return (
    before.length === after.length &&
    before.every(({ file, at, begins }, i) => {
      const other = after[i];
      return other?.file === file && other.at === at && other.begins === begins;
    })
  );
}

/** The text with a document's beginning put at a place or taken from it. */
export function withSplit(text: GivenText, split: Split): GivenText {
  const others = (text.splits ?? []).filter(({ file, at }) => file !== split.file || at !== split.at);
  return { ...text, splits: [...others, split] };
}

/**
 * The splits of a file whose text was edited: those before the edited stretch stay, those after it move along, those within it are
 * gone with what they stood at.
 */
export function movedSplits(splits: readonly Split[], file: number, before: string, after: string): Split[] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let same = 0;
  while (
    same < most - start &&
    before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)
  )
    same++;
  const end = before.length - same;
  const shift = after.length - before.length;
  return splits.flatMap((split) => {
    if (split.file !== file || split.at < start) return [split];
    return split.at >= end ? [{ ...split, at: split.at + shift }] : [];
  });
}

/** @throws CorpusError `too-large` for more than the limit. @param name what the text is called in the message. */
export function requireSize(name: string, bytes: number): void {
  if (bytes <= MAXIMUM_TEXT_BYTES) return;
  const megabytes = (size: number): string => (size / 1024 / 1024).toFixed(size % (1024 * 1024) === 0 ? 0 : 1);
  throw new CorpusError(
    'too-large',
    `${name} is ${megabytes(bytes)} MB. The limit is ${megabytes(MAXIMUM_TEXT_BYTES)} MB: use a part of it.`,
  );
}

/** Length of a text in UTF-8, without encoding it. A half of a surrogate pair counts as the three bytes of U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    const next = text.charCodeAt(i + 1);
    // A pair is two units and four bytes.
    if (code >= 0xd800 && code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) i++;
  }
  return bytes;
}
