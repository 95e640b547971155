import { readCsv } from './csvRows.ts';
import { readJsonLines, readJsonList } from './jsonRows.ts';
import type { RowTable } from './rows.ts';

type RowReader = (name: string, text: string) => RowTable | Promise<RowTable>;

const READERS: Readonly<Record<string, RowReader>> = {
  csv: (name, text) => readCsv(name, text),
  tsv: (name, text) => readCsv(name, text, '\t'),
  jsonl: readJsonLines,
  ndjson: readJsonLines,
  json: readJsonList,
};

/** The end of a file's name after its last point, in small letters; '' for none. */
export function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const point = base.lastIndexOf('.');
  return point <= 0 ? '' : base.slice(point + 1).toLowerCase();
}

/** What reads a file of rows; undefined for one of paragraphs. */
export function rowReaderOf(name: string): RowReader | undefined {
  const extension = extensionOf(name);
  return Object.hasOwn(READERS, extension) ? READERS[extension] : undefined;
}
