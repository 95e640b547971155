import { contentSpan, type RetrieverRow } from '../../corpus/batches/collation.ts';
import { CorpusError } from '../../corpus/errors.ts';
import type { Random } from '../../corpus/random.ts';
import type { TextTokenizer } from '../../corpus/tokenizer/tokenizer.ts';
import type { RetrieverRows } from '../../corpus/types.ts';

/**
 * Makes the rows of a batch: of each text two views, as query and as passage, and of each hard negative a passage behind them.
 * `maxTokens`: most tokens of a text that views are taken from. What it draws follows from `random`, texts first.
 * @throws CorpusError `empty-chunk` for a text without tokens.
 */
export type ViewMaker = (
  texts: readonly string[],
  tokenizer: TextTokenizer,
  maxTokens: number,
  random: Random,
  negatives?: readonly string[],
) => RetrieverRows;

/** Tokens of text number `i` of a batch, at most `maxTokens`. @throws CorpusError `empty-chunk` where there are none. */
export function textTokens(text: string, i: number, tokenizer: TextTokenizer, maxTokens: number): number[] {
  const tokens = tokenizer.encodeBare(text).slice(0, maxTokens);
  if (tokens.length === 0)
    throw new CorpusError('empty-chunk', `Chunk ${i + 1} of the batch has no tokens. Remove blank chunks.`);
  return tokens;
}

/** Views as retriever rows: prefix, view (the content), EOS, as the retriever reads texts when it searches. */
export function viewRows(
  tokenizer: TextTokenizer,
  queries: readonly (readonly number[])[],
  passages: readonly (readonly number[])[],
): RetrieverRows {
  const { prefixes, ending } = tokenizer;
  const rows = (prefix: string, views: readonly (readonly number[])[]): RetrieverRow[] => {
    const before = tokenizer.before(prefix);
    return views.map((view) => {
      const ids = [...before, ...view, ...ending];
      return { ids, content: contentSpan(before.length, before.length + view.length, ids.length) };
    });
  };
  const [asked, read] = [rows(prefixes.query, queries), rows(prefixes.passage, passages)];
  return {
    queryIds: asked.map(({ ids }) => ids),
    passageIds: read.map(({ ids }) => ids),
    queryContent: asked.map(({ content }) => content),
    passageContent: read.map(({ content }) => content),
  };
}
