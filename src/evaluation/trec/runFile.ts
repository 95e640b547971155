import type { ByteSource } from '../../files/formats/byteSource.ts';
import { readLines, type LineOptions } from '../collections/lines.ts';
import { quoted } from '../../base/quote.ts';
import { LineProblems } from '../errors.ts';
import type { FoundDocument, Rankings } from '../types.ts';
import { requireWord } from './words.ts';

/** Rankings of a file of TREC's format. */
export interface RunFile {
  readonly rankings: Rankings;
  /** What its last column calls the system; '' where lines differ. */
  readonly tag: string;
  readonly notices: readonly string[];
}

/** Query, Q0, document, rank, score, tag. */
const COLUMNS = 6;
const SCORE = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/;

/**
 * Reads a run file. Its rank column and the order of its lines mean nothing: scores do. Of a document that a query has twice the last
 * line counts, as in pytrec_eval, and a notice says so.
 * @throws CollectionError that names the lines which cannot be used; CorpusError `aborted`
 */
export async function readRunFile(source: ByteSource, options: LineOptions = {}): Promise<RunFile> {
  const problems = new LineProblems();
  const twice = new LineProblems();
  const found = new Map<string, Map<string, FoundDocument>>();
  const tags = new Set<string>();
  const take = (content: string, line: number): void => {
    const cells = content.trim().split(/\s+/);
    const [query = '', , id = '', , score = '', tag = ''] = cells;
    if (cells.length !== COLUMNS)
      return problems.add(source.name, line, `it has ${cells.length} columns; a run file of TREC has ${COLUMNS}.`);
    if (!SCORE.test(score)) return problems.add(source.name, line, `the score ${quoted(score)} is no number.`);
    tags.add(tag);
    const list = found.get(query) ?? new Map<string, FoundDocument>();
    found.set(query, list);
    if (list.delete(id)) twice.add(source.name, line, `${quoted(query)} has ${quoted(id)} a second time.`);
    list.set(id, { id, score: Number(score) });
  };
  await readLines(source, take, problems, options);
  problems.refuse(source.name);
  const [tag = ''] = tags.size === 1 ? tags : [];
  const notices =
    twice.count === 0 ? [] : [`Documents stand twice in a list; their last line counts. ${twice.lines.join(' ')}`];
  return { rankings: new Map([...found].map(([query, list]) => [query, [...list.values()]])), tag, notices };
}

/**
 * Rankings as TREC has them, each list in its order. Scores are written as the 32-bit numbers by which they are ranked, so that programs
 * that hold them in 64 bits see the same ties.
 * @throws CollectionError for an id with a space in it, which the format cannot hold.
 */
export function* runText(rankings: Rankings, tag: string): Generator<string, void, void> {
  requireWord(tag);
  for (const [query, found] of rankings)
    for (const [i, { id, score }] of found.entries())
      yield `${requireWord(query)} Q0 ${requireWord(id)} ${i + 1} ${Math.fround(score)} ${tag}\n`;
}
