/** What a tokenizer puts around every text. */
export interface Surrounding {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * What stands before and after a text's own tokens.
 * @param whole the tokens of some text with its surroundings. @param own the same text's without them.
 */
export function surroundingOf(whole: readonly number[], own: readonly number[]): Surrounding {
  for (let at = 0; at + own.length <= whole.length; at++)
    if (own.every((token, i) => whole[at + i] === token))
      return { before: whole.slice(0, at), after: whole.slice(at + own.length) };
  return { before: [], after: whole.slice(own.length) };
}

/** At most `most` tokens of a text, its surroundings among them: they stay, and the text's own end is left out, as Hugging Face's tokenizers do it. */
export function truncated(own: readonly number[], { before, after }: Surrounding, most: number): number[] {
  return [...before, ...own.slice(0, Math.max(0, most - before.length - after.length)), ...after];
}
