import { format } from 'd3';

const two = format('.2f');
const three = format('.3~g');
const si = format('.3~s');

/** A number in running text: two decimals; two significant digits when it is small, whole when it is large. */
export function decimal(value: number): string {
  if (Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && size < 0.01) return plain(value);
  return size >= 100 ? `${value < 0 ? '−' : ''}${whole(size)}` : two(value);
}

/** Small numbers as people write them: 0.0001, not 1e-4; below that with an exponent. */
function plain(value: number): string {
  return (Math.abs(value) >= 1e-5 ? String(Number(value.toPrecision(2))) : value.toExponential(1)).replaceAll('-', '−');
}

/** 21300 → "21.3k". */
export function compact(value: number): string {
  if (Number.isNaN(value)) return '–';
  return Math.abs(value) < 1000 ? three(value) : si(value);
}

/** Bytes in decimal units, as memory is sold: "3.1 MB". */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${size.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** Whole numbers with thin spaces between thousands. */
export function whole(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** "1 chunk", "2 chunks". */
export function count(value: number, noun: string): string {
  return `${whole(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** With a capital letter at its beginning, as sentences have. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
