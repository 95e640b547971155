/** What a table may hold: a missing value is shown as a dash. */
export type Cell = number | string | undefined;
export type Row = Readonly<Record<string, Cell>>;

export interface Column {
  /** Of the row's value; the same name stands in the JSON lines. */
  readonly key: string;
  /** Head of the column, with the unit. */
  readonly title: string;
  /** How a number is written. Default: formatNumber. */
  readonly format?: (value: number) => string;
}

const MISSING = '–';
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/**
 * Rows as plain text under their heads, two spaces between columns. Columns that hold numbers are flush right, so that
 * digits of the same weight stand below one another; columns that hold text are flush left.
 */
export function formatTable(columns: readonly Column[], rows: readonly Row[]): string {
  const cells = columns.map(({ key, format = formatNumber }) =>
    rows.map((row) => {
      const value = row[key];
      if (value === undefined) return MISSING;
      return typeof value === 'number' ? format(value) : value;
    }),
  );
  const rightFlush = columns.map(
    ({ key }) => rows.some((row) => typeof row[key] === 'number') && rows.every((row) => typeof row[key] !== 'string'),
  );
  const widths = columns.map(({ title }, c) => Math.max(...[title, ...(cells[c] ?? [])].map(width)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, c) => {
        const gap = ' '.repeat((widths[c] ?? 0) - width(text));
        return rightFlush[c] ? gap + text : text + gap;
      })
      .join('  ')
      .trimEnd();
  const body = rows.map((_, r) => line(cells.map((column) => column[r] ?? MISSING)));
  return [line(columns.map(({ title }) => title)), line(widths.map((w) => '-'.repeat(w))), ...body].join('\n');
}

/** Three digits that count, or all digits of what is larger; thousands are set apart by a comma. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  if (value === 0) return '0';
  // 9.996 has three digits as 10.0, not as 10.00: count those of the rounded number.
  const digits = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))));
  if (digits < -4) return value.toExponential(2);
  const decimals = Number.isInteger(value) ? 0 : Math.max(0, 2 - digits);
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Bytes in the largest binary unit of which there is at least one. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // 1023.9996 KiB would be written as 1,024: that is 1 MiB.
  while (Number(value.toPrecision(4)) >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${formatNumber(value)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** A quotient of two measurements, with two decimals and a multiplication sign. */
export function formatRatio(value: number): string {
  return `${value.toFixed(2)}×`;
}

/** A share of a whole, in percent with one decimal. */
export function formatShare(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

/** Characters on the screen: all that tables hold are one column wide. */
function width(text: string): number {
  return [...text].length;
}
