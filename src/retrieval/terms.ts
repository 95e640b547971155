/** A run of letters, marks and digits, or one character of a script that is written without spaces. */
export const TERM =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{M}\p{N}])+/gu;

/**
 * Terms of a text for lexical ranking: lower-cased runs of letters, marks and digits; characters of scripts written
 * without spaces (Han, Hiragana, Katakana) are terms one by one. No stemming and no stop words, so that figures need no
 * word lists to be understood.
 */
export function terms(text: string): string[] {
  return text.normalize('NFC').toLowerCase().match(TERM) ?? [];
}

/** How often each term occurs. */
export function termCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms(text)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

/** How many terms a text has, repeated ones counted again. */
export function countOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** A document and its score for some query. */
export interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** The `limit` best of the scores above 0, best first; equal scores in document order. */
export function best(scores: Float64Array, limit: number): Ranked[] {
  const top: Ranked[] = [];
  for (const [index, score] of scores.entries()) {
    if (!(score > 0)) continue;
    // Most candidates of a large corpus fall behind the last of the best at once.
    let place = top.length;
    for (let above = top[place - 1]; above && isBefore(score, index, above); above = top[place - 1]) place--;
    if (place >= limit) continue;
    top.splice(place, 0, { index, score });
    if (top.length > limit) top.pop();
  }
  return top;
}

function isBefore(score: number, index: number, other: Ranked): boolean {
  return score > other.score || (score === other.score && index < other.index);
}
