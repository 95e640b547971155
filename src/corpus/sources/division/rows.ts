import { firstOf } from '../../../base/lists.ts';
import { CorpusError } from '../../errors.ts';
import { wordCount } from './words.ts';

/** A file of rows: what each of them holds, by column. */
export interface RowTable {
  readonly columns: readonly string[];
  /** A cell for each column; '' where a row has none. */
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Columns that are called so hold the text, or what it is called, whatever else there is. */
const TEXT_NAMES = [
  'text',
  'content',
  'contents',
  'body',
  'passage',
  'document',
  'paragraph',
  'abstract',
  'description',
];
const TITLE_NAMES = ['title', 'name', 'heading', 'headline', 'subject'];
/** Rows that are looked at to tell which column holds text. */
const LOOKED_AT = 200;

/** Which columns could hold the text, the likeliest first: those of words, not of numbers. */
export function textColumns({ columns, rows }: RowTable): string[] {
  const looked = rows.slice(0, LOOKED_AT);
  const words = columns.map(
    (_, i) => looked.reduce((sum, row) => sum + lettersWords(row[i] ?? ''), 0) / (looked.length || 1),
  );
  const rank = (i: number): number => (words[i] ?? 0) * (TEXT_NAMES.includes((columns[i] ?? '').toLowerCase()) ? 4 : 1);
  return columns
    .map((_, i) => i)
    .filter((i) => (words[i] ?? 0) > 0)
    .sort((a, b) => rank(b) - rank(a) || a - b)
    .map((i) => columns[i] ?? '');
}

function lettersWords(cell: string): number {
  return /\p{L}{2}/u.test(cell.slice(0, 4000)) ? wordCount(cell.slice(0, 4000)) : 0;
}

/** A row's text, and what it is called where a column says so. */
export interface Row {
  readonly title: string | undefined;
  readonly text: string;
}

/**
 * The rows' texts out of one column.
 * @param asked the column's name; '' for the one that looks most like text. A file that lacks it is read by its likeliest.
 * @throws CorpusError `empty-text` for a table without text.
 */
export function rowTexts(
  name: string,
  table: RowTable,
  asked: string,
): { rows: Row[]; column: string; notes: string[] } {
  const candidates = textColumns(table);
  const [likeliest] = candidates;
  if (likeliest === undefined)
    throw new CorpusError(
      'empty-text',
      `${name} has no column of text: ${listed(table.columns)}. Choose another file.`,
    );
  const wanted = asked === '' ? likeliest : findColumn(table.columns, asked);
  const notes = [...table.notes];
  if (wanted === undefined)
    notes.push(`${name} has no column “${asked}”, so “${likeliest}” is read. It has: ${listed(table.columns)}.`);
  const column = wanted ?? likeliest;
  const at = table.columns.indexOf(column);
  const titleAt = table.columns.findIndex((other, i) => i !== at && TITLE_NAMES.includes(other.toLowerCase()));
  const rows = table.rows.flatMap((row): Row[] => {
    const text = (row[at] ?? '').trim();
    return text === '' ? [] : [{ title: titleAt < 0 ? undefined : row[titleAt]?.trim() || undefined, text }];
  });
  const empty = table.rows.length - rows.length;
  if (rows.length === 0)
    throw new CorpusError(
      'empty-text',
      `The column “${column}” of ${name} is empty. Choose one of: ${listed(table.columns)}.`,
    );
  if (empty > 0)
    notes.push(`${empty} of ${table.rows.length} rows of ${name} have nothing in “${column}” and are left out.`);
  return { rows, column, notes };
}

function findColumn(columns: readonly string[], asked: string): string | undefined {
  return columns.find((name) => name === asked) ?? columns.find((name) => name.toLowerCase() === asked.toLowerCase());
}

const MOST_LISTED = 12;

function listed(columns: readonly string[]): string {
  if (columns.length === 0) return 'none';
  return firstOf(
    columns.map((name) => name.slice(0, 40)),
    MOST_LISTED,
  );
}
