import { areLinesParagraphs, isListItem, linePieces, withPlainTitles, type Piece } from './pieces.ts';
import { wordCount } from './words.ts';

/** What a document is. */
export type Unit = 'paragraph' | 'section' | 'file' | 'line' | 'whole';

/** All of them, from the smallest to the largest. */
export const UNITS: readonly Unit[] = ['line', 'paragraph', 'section', 'file', 'whole'];

/** Pieces of a text, and which of them begin a document. */
export interface Divided {
  readonly pieces: readonly Piece[];
  readonly begins: readonly boolean[];
  /** Whether several documents may share a heading that stands over them all. */
  readonly sharesHeadings: boolean;
}

/** What tells sections apart. */
type SectionMark = 'rules' | 'headings' | 'gaps' | 'titles' | 'length';

/** Where nothing else divides a text, neighbouring paragraphs are gathered into sections of at least this many words. */
const SECTION_WORDS = 80;
/** A paragraph of fewer words is no document by itself. */
const SHORT_PARAGRAPH_WORDS = 10;
/** Blank lines that set sections apart. */
const WIDE_GAP = 2;
/** Fewer wide gaps, or fewer titles without marks, may be slips. */
const LEAST_GAPS = 3;
const LEAST_TITLES = 2;
/** At least one section in so many paragraphs, or the gaps and titles are no sections. */
const PARAGRAPHS_PER_SECTION = 4;

const countOf = (begins: readonly boolean[]): number => begins.filter(Boolean).length;

/** The first piece begins a document whatever it is. */
function beginsWhere(pieces: readonly Piece[], isSo: (piece: Piece, before: Piece) => boolean): boolean[] {
  return pieces.map((piece, i) => {
    const before = pieces[i - 1];
    return before === undefined || isSo(piece, before);
  });
}

/** A text of paragraphs, headings and rules, divided by a unit. */
export function divideProse(pieces: readonly Piece[], unit: Exclude<Unit, 'file' | 'whole'>): Divided {
  switch (unit) {
    case 'section':
      return bySections(pieces).divided;
    case 'paragraph':
      return byParagraphs(pieces);
    case 'line': {
      const lines = linePieces(pieces);
      return { pieces: lines, begins: lines.map(() => true), sharesHeadings: true };
    }
  }
}

/** Without a choice: sections where the text shows any, else paragraphs. */
export function guessUnit(pieces: readonly Piece[]): 'section' | 'paragraph' | 'whole' {
  const sections = bySections(pieces);
  const isDivided = countOf(sections.divided.begins) > 1;
  if (isDivided && sections.by !== 'length') return 'section';
  const paragraphs = byParagraphs(pieces);
  const count = countOf(paragraphs.begins);
  const short = paragraphs.pieces.filter(({ text }) => wordCount(text) < SHORT_PARAGRAPH_WORDS).length;
  if (isDivided && short > paragraphs.pieces.length / 2) return 'section';
  return count > 1 ? 'paragraph' : 'whole';
}

function byParagraphs(given: readonly Piece[]): Divided {
  const pieces = paragraphsOf(given);
  let isInList = false;
  const begins = beginsWhere(pieces, (piece, before) => {
    if (piece.headings.length > 0 || piece.isAfterRule) {
      isInList = false;
      return true;
    }
    // A list goes with the sentence that it follows, code with what it is an example of.
    isInList = isListItem(piece.text) && (isInList || before.text.endsWith(':'));
    return !isInList && !piece.isFenced;
  });
  return { pieces, begins, sharesHeadings: true };
}

/** Paragraphs, with short lines over them as their titles; the lines of a text that has no blank ones. */
function paragraphsOf(given: readonly Piece[]): Piece[] {
  const [only] = given;
  const areLines = given.length === 1 && only && !only.isFenced && areLinesParagraphs(only.text);
  return withPlainTitles(areLines ? linePieces(given) : given);
}

function bySections(given: readonly Piece[]): { readonly divided: Divided; readonly by: SectionMark } {
  const rules = beginsWhere(given, ({ isAfterRule }) => isAfterRule);
  const headings = beginsWhere(given, (piece) => piece.headings.length > 0);
  const take = (by: SectionMark, pieces: readonly Piece[], begins: readonly boolean[]) => ({
    divided: { pieces, begins, sharesHeadings: by === 'length' },
    by,
  });
  if (countOf(rules) > 1) {
    // A rule or two within a text of headings only adorn it.
    const isAdornment = countOf(headings) > countOf(rules);
    return take('rules', given, isAdornment ? rules.map((begins, i) => begins || headings[i] === true) : rules);
  }
  if (countOf(headings) > 1) return take('headings', given, headings);
  const gaps = beginsWhere(given, ({ gap }) => gap >= WIDE_GAP);
  if (areSections(countOf(gaps), LEAST_GAPS, given)) return take('gaps', given, gaps);
  const pieces = paragraphsOf(given);
  const titles = beginsWhere(pieces, (piece) => piece.headings.length > 0);
  const count = pieces.filter((piece) => piece.headings.length > 0).length;
  if (areSections(count, LEAST_TITLES, pieces)) return take('titles', pieces, titles);
  return take('length', pieces, gathered(pieces));
}

function areSections(count: number, least: number, pieces: readonly Piece[]): boolean {
  return count >= least && count >= pieces.length / PARAGRAPHS_PER_SECTION;
}

/** Sections of at least SECTION_WORDS words, in order; a short rest joins the last one. */
function gathered(pieces: readonly Piece[]): boolean[] {
  const begins: boolean[] = [];
  let words = Infinity;
  for (const { text } of pieces) {
    begins.push(words >= SECTION_WORDS);
    if (words >= SECTION_WORDS) words = 0;
    words += wordCount(text);
  }
  const last = begins.lastIndexOf(true);
  if (words < SECTION_WORDS && last > 0) begins[last] = false;
  return begins;
}
