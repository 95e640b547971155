import { CorpusError } from '../../corpus/errors.ts';
import type { Random } from '../../corpus/random.ts';
import { contentSpan, type RetrieverRow } from '../../corpus/batches/collation.ts';
import type { ContentSpan, RetrieverRows } from '../../corpus/types.ts';
import type { TextTokenizer } from '../../corpus/tokenizer/tokenizer.ts';

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

/**
 * Two independent crops of each text as retriever rows, [B] each: prefix, crop (the content), EOS, as the retriever reads texts when
 * it searches. `maxTokens`: most tokens of a text that crops are taken from.
 * @throws CorpusError `empty-chunk` for a text without tokens.
 */
export function cropRows(
  texts: readonly string[],
  tokenizer: TextTokenizer,
  maxTokens: number,
  random: Random,
): RetrieverRows {
  const { leading } = tokenizer.specials;
  const row = (prefix: readonly number[], crop: readonly number[]): RetrieverRow => {
    const before = [...leading, ...prefix];
    const ids = [...before, ...crop, ...tokenizer.ending];
    return { ids, content: contentSpan(before.length, before.length + crop.length, ids.length) };
  };
  const { prefixes } = tokenizer;
  const idsOf = (prefix: string) => (prefix === '' ? [] : tokenizer.encodeBare(prefix));
  const [query, passage] = [prefixes.query, prefixes.passage].map(idsOf);
  const queries: RetrieverRow[] = [];
  const passages: RetrieverRow[] = [];
  texts.forEach((text, i) => {
    const tokens = tokenizer.encodeBare(text).slice(0, maxTokens);
    if (tokens.length === 0)
      throw new CorpusError('empty-chunk', `Chunk ${i + 1} of the batch has no tokens. Remove blank chunks.`);
    queries.push(row(query ?? [], randomCrop(tokens, random)));
    passages.push(row(passage ?? [], randomCrop(tokens, random)));
  });
  const ids = (rows: readonly RetrieverRow[]) => rows.map((one) => one.ids);
  const content = (rows: readonly RetrieverRow[]): ContentSpan[] => rows.map((one) => one.content);
  return {
    queryIds: ids(queries),
    passageIds: ids(passages),
    queryContent: content(queries),
    passageContent: content(passages),
  };
}
