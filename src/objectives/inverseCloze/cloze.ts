import type { Random } from '../../corpus/random.ts';
import { segments } from '../../corpus/segments.ts';
import { textTokens, viewRows, type ViewMaker } from '../contrastive/views.ts';

/** Probability with which the sentence stays in its passage (ORQA, Lee et al. 2019). */
export const KEPT = 0.1;
/** A text of one sentence is cut at most so near to either end, as a share of its tokens. */
const NEAREST_CUT = 1 / 3;

/** Sentences of a text as they stand in it, without white space around them. */
export function sentencesOf(text: string): string[] {
  return [...segments(text, 'sentence')].map((one) => one.trim()).filter((one) => one !== '');
}

/** A question and what it is taken from, as token ids. */
export interface Cloze {
  readonly query: readonly number[];
  readonly passage: readonly number[];
}

/**
 * Inverse cloze of a text: one of its sentences, drawn uniformly, as query; the rest as passage, or with probability 0.1 the whole
 * text. A text of one sentence is cut at a uniform place of its middle third into two pieces, of which either is the query; a text of one
 * token is both.
 * @param sentences token ids of its sentences, at least one.
 * @param tokens token ids of the whole text.
 * @param rest token ids of the text without sentence number k.
 */
export function inverseCloze(
  sentences: readonly (readonly number[])[],
  tokens: readonly number[],
  rest: (k: number) => readonly number[],
  random: Random,
): Cloze {
  const keeps = random.uniform() < KEPT;
  if (sentences.length > 1) {
    const k = random.integer(sentences.length);
    return { query: sentences[k] ?? tokens, passage: keeps ? tokens : rest(k) };
  }
  if (tokens.length < 2) return { query: tokens, passage: tokens };
  const first = Math.max(1, Math.ceil(NEAREST_CUT * tokens.length));
  const last = Math.max(first, Math.floor((1 - NEAREST_CUT) * tokens.length));
  const cut = Math.min(first + random.integer(last - first + 1), tokens.length - 1);
  const pieces = [tokens.slice(0, cut), tokens.slice(cut)] as const;
  const asks = random.integer(2);
  const [query, other] = asks === 0 ? pieces : [pieces[1], pieces[0]];
  return { query, passage: keeps ? tokens : other };
}

/** A sentence of each text and what is left of it; a hard negative is a whole passage. */
export const clozeRows: ViewMaker = (texts, tokenizer, maxTokens, random, negatives = []) => {
  const clozes = texts.map((text, i) => {
    const tokens = textTokens(text, i, tokenizer, maxTokens);
    // No view is longer than the text, though its parts may be written in other tokens.
    const encoded = (part: string): number[] => tokenizer.encodeBare(part).slice(0, tokens.length);
    const sentences = sentencesOf(text).filter((one) => tokenizer.encodeBare(one).length > 0);
    return inverseCloze(
      sentences.map(encoded),
      tokens,
      (k) => encoded(sentences.filter((_, other) => other !== k).join(' ')),
      random,
    );
  });
  const others = negatives.map((text, i) => textTokens(text, texts.length + i, tokenizer, maxTokens));
  return viewRows(
    tokenizer,
    clozes.map(({ query }) => query),
    [...clozes.map(({ passage }) => passage), ...others],
  );
};
