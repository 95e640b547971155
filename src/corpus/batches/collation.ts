import { CorpusError, requireInteger } from '../errors.ts';
import { NO_PREFIXES, PREFIXES, type Prefixes } from '../prefixes.ts';
import type { TextTokenizer } from '../tokenizer/tokenizer.ts';
import type { ContentSpan, TokenBatch } from '../types.ts';

export interface CollationOptions {
  /** Longest retriever row, EOS included; language-model rows hold one token less. */
  readonly maxLength: number;
  /** Query = the first part of the chunk. */
  readonly firstHalf: boolean;
  /** That part, as a share of the tokens (prefix and BOS counted, EOS not). */
  readonly firstHalfRatio: number;
  /** Whether texts for the retriever begin with its tokenizer's prefixes. */
  readonly prefixes: boolean;
}

/** Ids of a text cut to `limit` tokens. Template specials (BOS) are counted and kept; the text itself gives way. */
function truncatedIds(tokenizer: TextTokenizer, text: string, limit: number): number[] {
  const { trailing } = tokenizer.specials;
  return [...withoutEnd(tokenizer, text, limit - trailing.length), ...trailing];
}

/** Ids of a text, begin token included, before the template's end: at most `limit` of them. */
function withoutEnd(tokenizer: TextTokenizer, text: string, limit: number): number[] {
  const ids = tokenizer.encode(text);
  return ids.slice(0, Math.max(0, Math.min(limit, ids.length - tokenizer.specials.trailing.length)));
}

/** Which side of a search a text is on; the prefix tells the retriever. */
export type RetrieverRole = keyof Prefixes;

/** A row of the retriever, and where the text's own tokens stand in it. */
export interface RetrieverRow {
  readonly ids: number[];
  readonly content: ContentSpan;
}

/**
 * Ids of a text as the retriever reads it when it searches: prefix, cut to maxLength − 1 tokens, EOS; where the tokenizer ends every
 * text by itself, as those of embedding models do, that end and no other. The same row that `collate` makes of a whole chunk. Its
 * content begins where its ids part from those of the prefix alone: a token that holds the prefix's last space and the first word
 * belongs to the text.
 */
export function retrieverRow(
  tokenizer: TextTokenizer,
  text: string,
  role: RetrieverRole,
  { maxLength, prefixes = true }: { readonly maxLength: number; readonly prefixes?: boolean },
): RetrieverRow {
  const prefix = (prefixes ? tokenizer.prefixes : NO_PREFIXES)[role];
  const { ending } = tokenizer;
  const body = withoutEnd(tokenizer, prefix + text, maxLength - ending.length);
  const ids = [...body, ...ending];
  const before = tokenizer.before(prefix);
  const parting = before.findIndex((id, i) => ids[i] !== id);
  return {
    ids,
    content: contentSpan(parting < 0 ? before.length : parting, body.length, ids.length),
  };
}

/** Tokens first … end − 1 of a row of `length`; where there are none, its last one. */
export function contentSpan(first: number, end: number, length: number): ContentSpan {
  return first < end ? [first, end] : [length - 1, length];
}

/**
 * Chunk texts → the three id rows of docs/METHOD.md ("Rows of tokens"), token by token as the released
 * trainer's collator: every text (with its prefix) is cut to maxLength − 1 tokens; the retriever's get an EOS; the half
 * cut keeps ⌊ratio · length⌋ tokens before a new EOS. Two tokenizers when retriever and language model differ.
 *
 * A chunk of one token is kept: it is read by others but has no predicted token of its own.
 * @throws CorpusError `invalid-option`; `empty-chunk` for a chunk without tokens; `nothing-to-predict` when no chunk of
 * the batch has two tokens, since the loss would then be a mean over nothing.
 */
export function collate(
  texts: readonly string[],
  options: CollationOptions,
  retrieverTokenizer: TextTokenizer,
  lmTokenizer: TextTokenizer = retrieverTokenizer,
): TokenBatch {
  const { maxLength, firstHalf, firstHalfRatio, prefixes } = options;
  requireInteger('Maximum length', maxLength, 2);
  if (!(firstHalfRatio > 0 && firstHalfRatio <= 1)) {
    throw new CorpusError(
      'invalid-option',
      `The query part is ${firstHalfRatio}. Choose a share above 0 and at most 1 (0.5 = the first half).`,
    );
  }
  const limit = maxLength - 1;
  const whole = (text: string, role: RetrieverRole) =>
    retrieverRow(retrieverTokenizer, text, role, { maxLength, prefixes });
  const queries = texts.map((text) => {
    const row = whole(text, 'query');
    return firstHalf ? firstPart(row, firstHalfRatio, retrieverTokenizer) : row;
  });
  const passages = texts.map((text) => whole(text, 'passage'));
  const lmIds = texts.map((text) => truncatedIds(lmTokenizer, text, limit));
  const empty = lmIds.findIndex((ids) => ids.length === 0);
  if (empty >= 0) {
    throw new CorpusError('empty-chunk', `Chunk ${empty + 1} of the batch has no tokens. Remove blank chunks.`);
  }
  if (lmIds.every((ids) => ids.length < 2)) {
    throw new CorpusError(
      'nothing-to-predict',
      'Every chunk of this batch is a single token, so there is no next token to predict. Use longer chunks.',
    );
  }
  return {
    queryIds: queries.map(({ ids }) => ids),
    passageIds: passages.map(({ ids }) => ids),
    lmIds,
    queryContent: queries.map(({ content }) => content),
    passageContent: passages.map(({ content }) => content),
  };
}

/** The first part of a row, and an end. */
function firstPart(row: RetrieverRow, ratio: number, tokenizer: TextTokenizer): RetrieverRow {
  const [first, end] = row.content;
  const kept = halfOf(row, ratio, tokenizer);
  const part = [...row.ids.slice(0, kept), ...tokenizer.ending];
  return { ids: part, content: contentSpan(first, Math.min(end, kept), part.length) };
}

/**
 * How many tokens of a query row its first part keeps: ⌊ratio · length⌋, its end not counted, the prefix counted as in the released
 * code. An embedding model's own words are kept whole instead, and a part of the text behind them: they are too long to count.
 */
function halfOf({ ids, content: [first] }: RetrieverRow, ratio: number, { ending, prefixes }: TextTokenizer): number {
  const whole = prefixes === PREFIXES ? 0 : first;
  return whole + Math.max(0, Math.floor((ids.length - ending.length - whole) * ratio));
}

/**
 * The text that the query row of a chunk has tokens of (`collate`): the chunk, or its first half, without the prefix. A word that
 * is cut there stays cut. Rankings by words are given this, so that they see no more than the retriever.
 */
export function queryText(
  tokenizer: TextTokenizer,
  text: string,
  { maxLength, firstHalf, firstHalfRatio, prefixes }: CollationOptions,
): string {
  const row = retrieverRow(tokenizer, text, 'query', { maxLength, prefixes });
  const { ending } = tokenizer;
  const kept = firstHalf ? halfOf(row, firstHalfRatio, tokenizer) : row.ids.length - ending.length;
  const prefix = prefixes ? tokenizer.prefixes.query : '';
  const pieces = tokenizer.pieces(prefix + text);
  // Longer rows are cut at their end, template tokens excepted: what is kept are the first tokens in any case.
  if (kept >= pieces.length) return text;
  const last = pieces.slice(0, kept).findLast(({ span }) => span !== undefined)?.span;
  if (last) return text.slice(0, Math.max(0, last.end - prefix.length));
  const decoded = tokenizer.decode(row.ids.slice(0, kept)).trimStart();
  return decoded.slice(prefix.trim().length).trimStart();
}

/** The most tokens a chunk may have so that nothing of it is cut off: room is left for prefix, BOS and EOS. */
export function chunkTokenBudget(tokenizer: TextTokenizer, maxLength: number, prefixes: boolean): number {
  const { ending, specials } = tokenizer;
  const { query, passage } = prefixes ? tokenizer.prefixes : NO_PREFIXES;
  // Of the usual two the passage's alone is counted, which is the longer one or as long.
  const counted = tokenizer.prefixes === PREFIXES ? [passage] : [query, passage];
  const prefix = Math.max(...counted.map((text) => (text === '' ? 0 : tokenizer.countTokens(text))));
  return maxLength - specials.leading.length - ending.length - prefix;
}
