import type { SourceDocument } from '../types.ts';
import { openingWords } from './division/words.ts';

/** Without other boundaries, paragraphs are gathered into sections of at least this many words: two or three chunks. */
const SECTION_WORDS = 80;

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
/** What stands after one to six #, without white space and # at its end. */
function headingText(line: string): string | undefined {
  const marks = /^ {0,3}#{1,6}(?=\s)/.exec(line)?.[0];
  if (marks === undefined) return undefined;
  const text = line.slice(marks.length).trim();
  let end = text.length;
  while (text[end - 1] === '#') end--;
  return text.slice(0, end).trimEnd();
}
const isFence = (line: string): boolean => /^\s*(```|~~~)/.test(line);

/** Paragraphs: what stands between blank lines; lines within one are joined. */
function paragraphsOf(lines: readonly string[]): string[] {
  return groupAt(lines, isBlank)
    .map((group) => group.lines.join('\n').trim())
    .filter((paragraph) => paragraph !== '');
}

const wordsOf = (text: string): string[] => text.trim().split(/\s+/);

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
 * Divides a text as versions without the setting "a document is" did: runs saved by them go on with the chunks they had. Boundaries,
 * the first kind that divides the text: lines of --- (***, ___, ===), Markdown headings, two or more blank lines; else neighbouring
 * paragraphs (blank lines, or single lines where there are none) are gathered into sections of 80 words or more.
 * @param text as cleanText leaves it.
 */
export function divideAsEarlier(text: string): SourceDocument[] {
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
