import { expect, test } from 'vitest';
import { embeddingsTsv, tsvCell, tsvLine, writeNpy } from '../../../src/files/formats/embeddingFiles.ts';

const latin = (bytes: Uint8Array) => String.fromCharCode(...bytes);

test.each<[readonly [number] | readonly [number, number], string]>([
  [[6], '(6,)'],
  [[2, 3], '(2, 3)'],
  [[6, 1], '(6, 1)'],
])('an array %j has the header that numpy expects', (shape, tuple) => {
  const data = Float32Array.of(1, -2.5, 3, 1e-40, Infinity, 6);
  const file = writeNpy(data, shape);
  expect(latin(file.subarray(0, 8))).toBe('\x93NUMPY\x01\x00');
  const headerBytes = file[8]! + 256 * file[9]!;
  expect((10 + headerBytes) % 64).toBe(0);
  const header = latin(file.subarray(10, 10 + headerBytes));
  expect(header.trimEnd()).toBe(`{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`);
  expect(header.endsWith('\n')).toBe(true);
  expect(new Float32Array(file.slice(10 + headerBytes).buffer)).toEqual(data);
});

test('an empty array and one whose numbers do not fill it', () => {
  expect(writeNpy(new Float32Array(), [0, 8]).length % 64).toBe(0);
  expect(() => writeNpy(new Float32Array(5), [2, 3])).toThrow('5 numbers do not fill [2, 3]');
});

test('cells cannot break a line or a column, and can be told apart again', () => {
  const cells = ['=1+1', '-a', 'a\tb', 'a\\tb', 'line\nbreak', 'back\\slash', 'ü', 'cr\r\n', ''];
  const line = tsvLine(cells);
  expect(line.split('\n')).toHaveLength(2);
  expect(line.trimEnd().split('\t')).toHaveLength(cells.length - 1);
  const read = (cell: string) =>
    cell.replace(/\\(.)/g, (_, letter: string) => ({ t: '\t', n: '\n', r: '\r' })[letter] ?? letter);
  expect(cells.map((cell) => read(tsvCell(cell)))).toEqual(cells);
});

test('no text is a formula to a spreadsheet, and numbers stay numbers', () => {
  const formulas = ['=HYPERLINK("http://a.example")', '+1', '-1', '@SUM(A1)', '\t=1', '\\=1'];
  for (const cell of formulas) expect(tsvCell(cell)).toMatch(/^\\/);
  expect(tsvLine([-1.5, 'a=b', '- a point'])).toBe('-1.5\ta=b\t\\- a point\n');
});

test('embeddings with labels: one line per text, numbers that give the same f32 again', () => {
  const embeddings = Float32Array.of(0.1, -1 / 3, 1e-30, 16777216, 3, 0);
  const lines = [...embeddingsTsv(['first\tchunk', 'second'], embeddings)];
  expect(lines[0]).toBe('label\td0\td1\td2\n');
  const rows = lines.slice(1).map((line) => line.trimEnd().split('\t'));
  expect(rows.map(([label]) => label)).toEqual(['first\\tchunk', 'second']);
  expect(Float32Array.from(rows.flatMap(([, ...numbers]) => numbers.map(Number)))).toEqual(embeddings);
  expect([...embeddingsTsv([], new Float32Array())]).toEqual(['label\n']);
  expect(() => [...embeddingsTsv(['a', 'b'], new Float32Array(3))]).toThrow('3 numbers are no embeddings of 2 texts');
});
