import type { Block } from './scanner.ts';
import { wordCount } from './words.ts';

/** A paragraph with the headings over it: the least that a document can be made of, unless it is a line. */
export interface Piece {
  /** Titles over it, outermost first. */
  readonly headings: readonly string[];
  /** '' for headings at the end of a text, which have nothing under them. */
  readonly text: string;
  /** Where it begins, with its headings, in the text of its file; and where its own text does. */
  readonly at: number;
  readonly textAt: number;
  /** Blank lines before it. */
  readonly gap: number;
  readonly isAfterRule: boolean;
  readonly isFenced: boolean;
}

/** A title without marks is one line of at most so many words and characters … */
const TITLE_WORDS = 8;
const TITLE_CHARACTERS = 70;
/** … over a paragraph this many times as long. */
const TIMES_AS_LONG = 2.5;

/** Gathers headings with what stands under them. */
export function piecesOf(blocks: readonly Block[]): Piece[] {
  const pieces: Piece[] = [];
  let over: Block[] = [];
  let isAfterRule = false;
  let gap = 0;
  const add = (text: string, at: number, isFenced: boolean): void => {
    const headings = over.map((heading) => heading.text).filter((heading) => heading !== '');
    pieces.push({ headings, text, at: over[0]?.at ?? at, textAt: at, gap, isAfterRule, isFenced });
    over = [];
    isAfterRule = false;
    gap = 0;
  };
  for (const block of blocks) {
    gap = Math.max(gap, block.gap);
    if (block.kind === 'rule') isAfterRule = true;
    else if (block.kind === 'heading') over.push(block);
    else add(block.text, block.at, block.isFenced);
  }
  if (over.some(({ text }) => text !== '')) add('', over[0]?.at ?? 0, false);
  return pieces;
}

/** Lines that stand by themselves: every line of every paragraph is a piece. */
export function linePieces(pieces: readonly Piece[]): Piece[] {
  return pieces.flatMap((piece) => {
    let start = 0;
    return piece.text.split('\n').flatMap((line, i): Piece[] => {
      const text = line.trim();
      const at = piece.textAt + start;
      start += line.length + 1;
      if (i === 0) return [{ ...piece, text }];
      return text === '' ? [] : [{ headings: [], text, at, textAt: at, gap: 0, isAfterRule: false, isFenced: false }];
    });
  });
}

/** Short lines over long paragraphs become their headings. */
export function withPlainTitles(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i];
    const next = pieces[i + 1];
    if (!piece) break;
    if (next && isPlainTitle(piece, next)) {
      result.push({
        ...next,
        headings: [...piece.headings, piece.text],
        at: piece.at,
        gap: piece.gap,
        isAfterRule: piece.isAfterRule,
      });
      i++;
    } else result.push(piece);
  }
  return result;
}

function isPlainTitle(piece: Piece, next: Piece): boolean {
  const { text } = piece;
  return (
    text !== '' &&
    text.length <= TITLE_CHARACTERS &&
    !text.includes('\n') &&
    !piece.isFenced &&
    next.headings.length === 0 &&
    !next.isAfterRule &&
    next.text.length >= TIMES_AS_LONG * text.length &&
    !/[.!?:;,…"”’')]$/.test(text) &&
    !isListItem(text) &&
    !isListItem(next.text) &&
    wordCount(text) <= TITLE_WORDS
  );
}

export function isListItem(text: string): boolean {
  return /^([-*+•–]|\d{1,3}[.)])\s/.test(text);
}

/**
 * Whether the lines of a text without blank lines are paragraphs, rather than one paragraph that was broken to a width: they end as
 * sentences do, or are far longer than lines that were broken, or are of all lengths.
 */
export function areLinesParagraphs(text: string): boolean {
  const lines = text.split('\n').map((line) => line.trim());
  if (lines.length < 2) return false;
  const broken = lines.slice(0, -1);
  const share = (isSo: (line: string) => boolean): number => broken.filter(isSo).length / broken.length;
  if (share((line) => /[.!?…]["”’')\]]*$/.test(line)) >= 0.6) return true;
  const longest = broken.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest > 160) return true;
  return share(({ length }) => length >= 0.65 * longest) < 0.6;
}
