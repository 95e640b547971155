import type { Random } from '../../corpus/random.ts';
import { textTokens, viewRows, type ViewMaker } from '../contrastive/views.ts';

/** Shortest and longest crop as shares of a chunk (Contriever, Izacard et al. 2022, section 3.1). */
export const CROP_RATIO = { least: 0.1, most: 0.5 } as const;
/** Probability with which each token of a crop is left out. */
export const DELETION = 0.1;

/**
 * A random crop of a chunk's tokens: a span whose length is a share U(0.1, 0.5) of the chunk (at least one token), at a
 * uniform place, each of whose tokens is then left out with probability 0.1; one stays in any case.
 */
export function randomCrop(tokens: readonly number[], random: Random): number[] {
  const { least, most } = CROP_RATIO;
  const ratio = least + (most - least) * random.uniform();
  const length = Math.max(1, Math.round(ratio * tokens.length));
  const start = random.integer(tokens.length - length + 1);
  const span = tokens.slice(start, start + length);
  const kept = span.filter(() => random.uniform() >= DELETION);
  return kept.length > 0 ? kept : span.slice(0, 1);
}

/** Two independent crops of each text; of a hard negative one, so that its length does not give it away. */
export const cropRows: ViewMaker = (texts, tokenizer, maxTokens, random, negatives = []) => {
  const queries: number[][] = [];
  const passages: number[][] = [];
  texts.forEach((text, i) => {
    const tokens = textTokens(text, i, tokenizer, maxTokens);
    queries.push(randomCrop(tokens, random));
    passages.push(randomCrop(tokens, random));
  });
  const others = negatives.map((text, i) =>
    randomCrop(textTokens(text, texts.length + i, tokenizer, maxTokens), random),
  );
  return viewRows(tokenizer, queries, [...passages, ...others]);
};
