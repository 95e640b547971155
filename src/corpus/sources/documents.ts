import { CorpusError } from '../errors.ts';
import type { Notice, SourceDocument } from '../types.ts';

/** Largest text taken, in UTF-8 bytes: 5 MB, counted generously. */
export const MAXIMUM_TEXT_BYTES = 5 * 1024 * 1024;

/** Share of unreadable characters from which bytes are taken for something other than text. */
const BINARY_SHARE = 0.01;

/** Without other boundaries, paragraphs are gathered into sections of at least this many words: two or three chunks. */
const SECTION_WORDS = 80;
const TITLE_WORDS = 6;

/** The documents found in a text, and what a reader should know about it. */
export interface ReadText {
  readonly documents: SourceDocument[];
  readonly notices: Notice[];
}

function tooLarge(name: string, bytes: number): CorpusError {
  const size = (bytes / 1024 / 1024).toFixed(1);
  return new CorpusError('too-large', `${name} is ${size} MB. The limit is 5 MB: use a part of it.`);
}

/** Bytes → string: UTF-8, or UTF-16 with a byte order mark. */
function decode(name: string, bytes: Uint8Array): string {
  if (bytes.length > MAXIMUM_TEXT_BYTES) throw tooLarge(name, bytes.length);
  const [a, b] = bytes;
  const encoding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/** Characters no text file has: NUL and other controls, and U+FFFD, which decoding puts for invalid bytes. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNREADABLE = /[\u0000-\u0008\u000E-\u001A\u001C-\u001F\uFFFD]/g;

/** @throws CorpusError `binary-file` when the text holds NULs or too much that is unreadable. */
function requireText(name: string, text: string): Notice[] {
  const unreadable = text.match(UNREADABLE)?.length ?? 0;
  if (text.includes('\0') || unreadable > text.length * BINARY_SHARE) {
    throw new CorpusError(
      'binary-file',
      `${name} is not plain text (${unreadable} unreadable characters). Save it as .txt or .md in UTF-8 and try again.`,
    );
  }
  if (unreadable === 0) return [];
  const message = `${unreadable} characters of ${name} could not be read and were left out. Save it as UTF-8 to keep them.`;
  return [{ code: 'repaired-text', message }];
}

/** Lines grouped at the lines `isBoundary` picks. The boundary line itself goes to `heading`. */
function groupAt(
  lines: readonly string[],
  isBoundary: (line: string) => boolean,
): { heading: string | undefined; lines: string[] }[] {
  const groups: { heading: string | undefined; lines: string[] }[] = [{ heading: undefined, lines: [] }];
  for (const line of lines) {
    if (isBoundary(line)) groups.push({ heading: line, lines: [] });
    else groups.at(-1)?.lines.push(line);
  }
  return groups;
}

const isBlank = (line: string): boolean => line.trim() === '';
const isRule = (line: string): boolean => /^\s*([-*_=])\1{2,}\s*$/.test(line);
const headingText = (line: string): string | undefined => /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(line)?.[1];
const isFence = (line: string): boolean => /^\s*(```|~~~)/.test(line);

/** Paragraphs: what stands between blank lines; lines within one are joined. */
function paragraphsOf(lines: readonly string[]): string[] {
  return groupAt(lines, isBlank)
    .map((group) => group.lines.join('\n').trim())
    .filter((paragraph) => paragraph !== '');
}

const wordsOf = (text: string): string[] => text.trim().split(/\s+/);

/** The first words of a text, as the title of a document that has none. */
function openingWords(text: string): string {
  // A line without spaces may be megabytes long.
  const words = wordsOf(text.slice(0, 200));
  const opening = words.slice(0, TITLE_WORDS).join(' ').slice(0, 60);
  return opening.length < text.trim().length ? `${opening}…` : opening;
}

/** Markdown sections: one document per heading. A heading without text of its own goes in front of the next title. */
function byHeadings(lines: readonly string[]): SourceDocument[] {
  let fenced = false;
  const groups = groupAt(lines, (line) => {
    if (isFence(line)) fenced = !fenced;
    return !fenced && headingText(line) !== undefined;
  });
  const documents: SourceDocument[] = [];
  let outer: string[] = [];
  for (const group of groups) {
    if (group.heading !== undefined) outer.push(headingText(group.heading) ?? '');
    const paragraphs = paragraphsOf(group.lines);
    if (paragraphs.length === 0) continue;
    const title = outer.filter((part) => part !== '').join(' · ');
    documents.push({ title: title === '' ? openingWords(paragraphs[0] ?? '') : title, paragraphs });
    outer = [];
  }
  // Headings with nothing after them are text too.
  if (outer.length > 0) documents.push({ title: outer.join(' · '), paragraphs: outer });
  return documents;
}

/** One document, titled by its heading if it begins with one. */
function single(lines: readonly string[]): SourceDocument | undefined {
  const first = lines.findIndex((line) => !isBlank(line));
  const title = headingText(lines[first] ?? '');
  const paragraphs = paragraphsOf(title === undefined ? lines : lines.slice(first + 1));
  if (paragraphs.length === 0) return title === undefined ? undefined : { title, paragraphs: [title] };
  return { title: title ?? openingWords(paragraphs[0] ?? ''), paragraphs };
}

/** Gathers paragraphs in order into sections of at least SECTION_WORDS words; a short rest joins the last section. */
function bySections(paragraphs: readonly string[]): SourceDocument[] {
  const sections: string[][] = [];
  let words = Infinity;
  for (const paragraph of paragraphs) {
    if (words >= SECTION_WORDS) {
      sections.push([]);
      words = 0;
    }
    sections.at(-1)?.push(paragraph);
    words += wordsOf(paragraph).length;
  }
  const last = sections.at(-1);
  const previous = sections.at(-2);
  if (last && previous && words < SECTION_WORDS) {
    previous.push(...last);
    sections.pop();
  }
  return sections.map((section) => ({ title: openingWords(section[0] ?? ''), paragraphs: section }));
}

/** Groups separated by two or more blank lines. */
function byWideGaps(text: string): string[][] {
  return text.split(/\n(?:[^\S\n]*\n){2,}/).map((part) => part.split('\n'));
}

/**
 * Reads a pasted text or a .txt/.md file into documents. Boundaries, the first kind that divides the text: lines of ---
 * (***, ___, ===), Markdown headings, two or more blank lines; else neighbouring paragraphs (blank lines, or single lines
 * where there are none) are gathered into sections of 80 words or more.
 * @param name what to call the text in messages: a file name or "The text".
 * @throws CorpusError `empty-text`, `binary-file`, `too-large`.
 */
export function readText(name: string, content: string | Uint8Array): ReadText {
  const raw = typeof content === 'string' ? content : decode(name, content);
  if (typeof content === 'string') {
    const bytes = new TextEncoder().encode(content).length;
    if (bytes > MAXIMUM_TEXT_BYTES) throw tooLarge(name, bytes);
  }
  const notices = requireText(name, raw);
  const text = raw
    .replace(/^\uFEFF/, '')
    .replace(UNREADABLE, '')
    .replace(/\r\n?/g, '\n');
  const documents = divide(text);
  if (documents.length === 0) {
    throw new CorpusError('empty-text', `${name} is empty. Paste a few paragraphs or choose a collection.`);
  }
  return { documents, notices };
}

function divide(text: string): SourceDocument[] {
  const lines = text.split('\n');
  const present = (groups: string[][]): SourceDocument[] =>
    groups.map(single).filter((document): document is SourceDocument => document !== undefined);
  const ruled = present(groupAt(lines, isRule).map((group) => group.lines));
  if (ruled.length > 1) return ruled;
  const kept = lines.filter((line) => !isRule(line));
  const headed = byHeadings(kept);
  if (headed.length > 1) return headed;
  const gapped = present(byWideGaps(kept.join('\n')));
  if (gapped.length > 1) return gapped;
  const whole = single(kept);
  if (!whole) return [];
  const { title, paragraphs } = whole;
  const sections = bySections(paragraphs.length > 1 ? paragraphs : (paragraphs[0] ?? '').split('\n'));
  if (sections.length === 1) return [whole];
  const headedBy = kept.some((line) => headingText(line) !== undefined) ? `${title} · ` : '';
  return sections.map((section) => ({ ...section, title: headedBy + section.title }));
}

/** Documents of several files, one after the other; a file that is one document takes the file's name as its title. */
export function readFiles(files: readonly { name: string; content: string | Uint8Array }[]): ReadText {
  const read = files.map((file) => ({ name: file.name, ...readText(file.name, file.content) }));
  const documents = read.flatMap(({ name, documents: found }) =>
    found.length === 1 ? found.map((document) => ({ ...document, title: name })) : found,
  );
  return { documents, notices: read.flatMap(({ notices }) => notices) };
}
