import { TERM } from './terms.ts';

/** A stretch of a text, and whether it is a term that was looked for. */
export interface TextPart {
  readonly text: string;
  readonly isMatch: boolean;
}

/** Characters before the first match that a cut text begins with, at most. */
const LEAD = 60;

/**
 * At most `length` characters of a text around the first of some terms in it, with all of those terms marked, as the lexical rankings
 * take them (terms.ts). What is left out is said by an ellipsis.
 */
export function matches(text: string, wanted: ReadonlySet<string>, length: number): TextPart[] {
  const first = found(text, wanted)[0]?.begin ?? 0;
  const begin = text.length <= length ? 0 : atSpace(text, Math.min(Math.max(0, first - LEAD), text.length - length));
  const end = Math.min(text.length, begin + length);
  const cut = text.slice(begin, end);
  const parts: TextPart[] = [];
  const add = (piece: string, isMatch: boolean): void => {
    if (piece !== '') parts.push({ text: piece, isMatch });
  };
  let at = 0;
  add(begin > 0 ? '… ' : '', false);
  for (const match of found(cut, wanted)) {
    add(cut.slice(at, match.begin), false);
    add(cut.slice(match.begin, match.end), true);
    at = match.end;
  }
  add(cut.slice(at), false);
  add(end < text.length ? ' …' : '', false);
  return parts;
}

function found(text: string, wanted: ReadonlySet<string>): { readonly begin: number; readonly end: number }[] {
  if (wanted.size === 0) return [];
  return [...text.matchAll(TERM)]
    .filter(([term]) => wanted.has(term.normalize('NFC').toLowerCase()))
    .map((match) => ({ begin: match.index, end: match.index + match[0].length }));
}

/** The place after the next space, so that no word is cut, if there is one near. */
function atSpace(text: string, from: number): number {
  if (from === 0) return 0;
  const space = text.indexOf(' ', from);
  return space >= 0 && space - from < LEAD / 2 ? space + 1 : from;
}
