import { expect, test } from 'vitest';
import { readLines } from '../../../src/evaluation/collections/lines.ts';
import { LineProblems } from '../../../src/evaluation/errors.ts';
import { memorySource } from '../../../src/files/formats/byteSource.ts';

const MEGABYTE = 1 << 20;

test('lines that go over the pieces in which a file is read are whole, and blank ones are counted', async () => {
  const lines = [
    'a',
    '',
    'é'.repeat(700_000),
    ' ',
    `${'x'.repeat(MEGABYTE - 1)}`,
    'y'.repeat(3 * MEGABYTE),
    '🙂\r',
    'end',
  ];
  const found: [number, string][] = [];
  const problems = new LineProblems();
  const source = memorySource('a', new TextEncoder().encode(lines.join('\n')));
  await readLines(source, (text, line) => void found.push([line, text]), problems);
  expect(found.map(([line]) => line)).toEqual([1, 3, 5, 6, 7, 8]);
  expect(found.map(([line, text]) => text === (lines[line - 1] ?? '').replace('\r', ''))).not.toContain(false);
  expect(problems.count).toBe(0);
});

test('a mark of byte order is no part of the first line', async () => {
  const found: string[] = [];
  const source = memorySource('a', new TextEncoder().encode('\uFEFF{"a":1}\nb'));
  await readLines(source, (text) => void found.push(text), new LineProblems());
  expect(found).toEqual(['{"a":1}', 'b']);
});
