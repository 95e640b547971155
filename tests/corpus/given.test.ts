import { expect, test } from 'vitest';
import { isSameText, movedSplits, pastedText, titleOf, utf8Length, withSplit } from '../../src/corpus/given.ts';

test('the length in UTF-8 is counted without encoding', () => {
  for (const text of ['', 'abc', 'é', '数学', '🙂🚀', 'a\ud83dz', '\udc00', 'x\u07ff\u0800\uffff'])
    expect(utf8Length(text), text).toBe(new TextEncoder().encode(text).length);
});

test('files are called together by the first and their number', () => {
  expect(titleOf({ files: [{ name: 'notes/a.md', text: '' }] })).toBe('a.md');
  expect(titleOf({ files: [1, 2, 3].map((n) => ({ name: `b/${n}.txt`, text: '' })) })).toBe('1.txt and 2 more');
});

test('texts are the same by what they hold, corrections included', () => {
  const text = pastedText('a', 'One.\n\nTwo.');
  const split = { file: 0, at: 6, begins: false };
  expect(isSameText(text, pastedText('a', 'One.\n\nTwo.'))).toBe(true);
  expect(isSameText(text, pastedText('b', 'One.\n\nTwo.'))).toBe(false);
  expect(isSameText(text, withSplit(text, split))).toBe(false);
  expect(isSameText(withSplit(text, split), withSplit(text, { ...split }))).toBe(true);
  expect(isSameText(text, { ...text, dividedAs: 'earlier' })).toBe(false);
  expect(withSplit(withSplit(text, split), { ...split, begins: true }).splits).toEqual([{ ...split, begins: true }]);
});

test('corrections keep their places when the text around them is edited', () => {
  const before = 'One.\n\nTwo.\n\nThree.';
  const splits = [
    { file: 0, at: 0, begins: true },
    { file: 0, at: 6, begins: false },
    { file: 0, at: 12, begins: false },
    { file: 1, at: 12, begins: true },
  ];
  const places = (after: string) => movedSplits(splits, 0, before, after).map(({ file, at }) => [file, at]);
  expect(places(before)).toEqual([
    [0, 0],
    [0, 6],
    [0, 12],
    [1, 12],
  ]);
  expect(places('One.\n\nTwo and a half.\n\nThree.')).toEqual([
    [0, 0],
    [0, 6],
    [0, 23],
    [1, 12],
  ]);
  expect(places('One.\n\nThree.')).toEqual([
    [0, 0],
    [0, 6],
    [1, 12],
  ]);
  expect(places('')).toEqual([[1, 12]]);
});
