import { expect, test } from 'vitest';
import { formatBytes, formatNumber, formatRatio, formatShare, formatTable } from '../../bench/table.ts';

test('numbers stand flush right, text flush left, and no line ends in spaces', () => {
  const text = formatTable(
    [
      { key: 'name', title: 'kernel' },
      { key: 'ms', title: 'ms' },
      { key: 'ratio', title: 'to A', format: formatRatio },
      { key: 'note', title: 'note' },
    ],
    [
      { name: 'matmul', ms: 1234.5, ratio: 1, note: 'chosen' },
      { name: 'add', ms: 2, ratio: 10.456, note: '' },
    ],
  );
  expect(text.split('\n')).toEqual([
    'kernel     ms    to A  note',
    '------  -----  ------  ------',
    'matmul  1,235   1.00×  chosen',
    'add         2  10.46×',
  ]);
});

test('a missing value is a dash in the direction of its column', () => {
  const columns = [
    { key: 'a', title: 'number' },
    { key: 'b', title: 'words' },
    { key: 'c', title: 'none' },
  ];
  const text = formatTable(columns, [{ a: 1, b: 'x' }, { b: undefined }]);
  expect(text.split('\n')).toEqual([
    'number  words  none',
    '------  -----  ----',
    '     1  x      –',
    '     –  –      –',
  ]);
});

test('a column with numbers and words is text', () => {
  const text = formatTable([{ key: 'a', title: 'mixed' }], [{ a: 5 }, { a: 'off' }]);
  expect(text.split('\n').slice(2)).toEqual(['5', 'off']);
});

test('a table without rows is its head', () => {
  expect(formatTable([{ key: 'a', title: 'ms' }], [])).toBe('ms\n--');
});

test('letters beyond the basic plane count as one', () => {
  const text = formatTable(
    [
      { key: 'a', title: 'a' },
      { key: 'b', title: 'b' },
    ],
    [{ a: '𝜏', b: 1 }],
  );
  expect(text.split('\n')).toEqual(['a  b', '-  -', '𝜏  1']);
});

test.each([
  [0, '0'],
  [7, '7'],
  [1.2345, '1.23'],
  [12.345, '12.3'],
  [9.996, '10.0'],
  [999.7, '1,000'],
  [1234567.4, '1,234,567'],
  [0.012345, '0.0123'],
  [0.00001234, '1.23e-5'],
  [-2.5, '-2.50'],
  [NaN, '–'],
  [Infinity, '–'],
])('%d is written %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test.each([
  [0, '0 B'],
  [1023, '1,023 B'],
  [1024, '1 KiB'],
  [1536, '1.50 KiB'],
  [2 ** 20 - 0.4, '1.00 MiB'],
  [5 * 2 ** 30, '5 GiB'],
])('%d bytes are %s', (value, text) => {
  expect(formatBytes(value)).toBe(text);
});

test('shares are percentages', () => {
  expect(formatShare(0.12345)).toBe('12.3 %');
});
