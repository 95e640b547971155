import type { RowTable } from './rows.ts';

/** A column's name is no longer than this, and no sentence. */
const LONGEST_NAME = 40;
const MOST_NAME_WORDS = 4;

/** Rows of cells: commas, semicolons, tabs or bars between them, quoted or not. Fetched with its reader when it is needed. */
export async function readCsv(name: string, text: string, delimiter = ''): Promise<RowTable> {
  const { default: papa } = await import('papaparse');
  const { data, errors } = papa.parse<string[]>(text, { delimiter, skipEmptyLines: 'greedy' });
  const width = data.reduce((most, row) => Math.max(most, row.length), 0);
  const hasNames = isHeader(data);
  const names = hasNames ? (data[0] ?? []) : [];
  const columns = Array.from({ length: width }, (_, i) => names[i]?.trim() || `Column ${i + 1}`);
  const broken = errors.filter(({ type }) => type === 'Quotes');
  const notes =
    broken.length === 0
      ? []
      : [
          `${name} has ${broken.length} quotes that do not match (the first in row ${(broken[0]?.row ?? 0) + 1}): look whether its rows are right.`,
        ];
  return { columns: distinct(columns), rows: hasNames ? data.slice(1) : data, notes };
}

/** Whether the first row names the columns: short words, each another, over rows of which one at least is longer or a number. */
function isHeader([first = [], ...rows]: readonly (readonly string[])[]): boolean {
  const names = first.map((cell) => cell.trim());
  if (rows.length === 0 || new Set(names).size !== names.length) return false;
  const isName = (cell: string): boolean =>
    cell.length <= LONGEST_NAME && cell.split(' ').length <= MOST_NAME_WORDS && !/[.!?]$/.test(cell) && !isNumber(cell);
  if (!names.every(isName) || names.every((cell) => cell === '')) return false;
  const looked = rows.slice(0, 50);
  return names.some((cell, i) => {
    const cells = looked.map((row) => row[i] ?? '').filter((other) => other.trim() !== '');
    if (cells.length === 0) return false;
    const length = cells.reduce((sum, other) => sum + other.length, 0) / cells.length;
    return cells.every(isNumber) || length > 1.5 * cell.length;
  });
}

function isNumber(cell: string): boolean {
  return cell.trim() !== '' && Number.isFinite(Number(cell));
}

function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}
