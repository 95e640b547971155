/** Characters that are worth keeping even if something else that was deleted has to give way: a few sentences. */
const WORTH_KEEPING = 200;

/**
 * Whether an edit took away so much of a text that it should be possible to bring it back: half of it or more. `isTaken`: the
 * place to keep it is taken by something else, which a scrap does not drive out.
 */
export function isLargeLoss(before: string, after: string, isTaken: boolean): boolean {
  const lost = lostCharacters(before, after);
  if (lost === 0 || before.trim() === '') return false;
  return 2 * lost >= before.length && (!isTaken || lost >= WORTH_KEEPING);
}

/** Characters of the one stretch of `before` that has to be cut out, or replaced, to make `after` of it. */
export function lostCharacters(before: string, after: string): number {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return before.length - start - end;
}
