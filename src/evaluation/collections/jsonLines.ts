import type { ByteSource } from '../../files/formats/byteSource.ts';
import { quoted } from '../../base/quote.ts';
import type { LineProblems } from '../errors.ts';
import { readLines, type LineOptions } from './lines.ts';

/** A line of corpus.jsonl or queries.jsonl. */
export interface JsonRow {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly line: number;
}

/** Reads `{"_id": …, "title": …, "text": …}` line by line, the title where there is one. A second line with the same id is a problem. */
export async function readJsonRows(
  source: ByteSource,
  most: number,
  problems: LineProblems,
  options: LineOptions,
): Promise<Map<string, JsonRow>> {
  const rows = new Map<string, JsonRow>();
  const take = (content: string, line: number): boolean => {
    const row = rowOf(content, line);
    if (typeof row === 'string') {
      problems.add(source.name, line, row);
      return true;
    }
    const first = rows.get(row.id);
    if (first) problems.add(source.name, line, `the id ${quoted(row.id)} is that of line ${first.line}.`);
    else if (rows.size === most) {
      problems.add(source.name, line, `at most ${most.toLocaleString('en-US')} are read.`);
      return false;
    } else rows.set(row.id, row);
    return true;
  };
  await readLines(source, take, problems, options);
  return rows;
}

/** The row, or what is wrong with it. */
function rowOf(content: string, line: number): JsonRow | string {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    return `it is no JSON (${cause instanceof Error ? cause.message : String(cause)}).`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no object.';
  const { _id: id, title = '', text } = value as Record<string, unknown>;
  const name = idOf(id);
  if (name === undefined) return '"_id" should be a text that is not empty.';
  if (typeof text !== 'string') return `"text" of ${quoted(name)} should be a text.`;
  if (title !== null && typeof title !== 'string') return `"title" of ${quoted(name)} should be a text.`;
  return { id: name, title: title ?? '', text, line };
}

/** Ids are texts; whole numbers, as some write them, are taken by their digits. */
function idOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
