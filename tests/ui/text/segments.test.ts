import { expect, test } from 'vitest';
import { shownParagraphs } from '../../../src/ui/panels/text/preview/segments.ts';

const TEXT = 'One. Two. Three. Four.';

test('a paragraph shows the chunks that lie in it', () => {
  const shown = shownParagraphs({
    text: TEXT,
    paragraphs: [{ start: 0, at: 7 }],
    chunks: [
      { start: 0, end: 9, tokens: 2 },
      { start: 10, end: 22, tokens: 2 },
    ],
  });
  expect(shown).toEqual([
    {
      at: 7,
      segments: [
        { text: 'One. Two.', chunk: 0, isStart: true },
        { text: 'Three. Four.', chunk: 1, isStart: true },
      ],
    },
  ]);
});

test('a chunk that goes on over a paragraph’s end begins once', () => {
  const shown = shownParagraphs({
    text: TEXT,
    paragraphs: [
      { start: 0, at: 0 },
      { start: 5, at: undefined },
      { start: 10, at: 40 },
    ],
    chunks: [
      { start: 0, end: 16, tokens: 3 },
      { start: 17, end: 22, tokens: 1 },
    ],
  });
  expect(shown.map(({ segments }) => segments)).toEqual([
    [{ text: 'One.', chunk: 0, isStart: true }],
    [{ text: 'Two.', chunk: 0, isStart: false }],
    [
      { text: 'Three.', chunk: 0, isStart: false },
      { text: 'Four.', chunk: 1, isStart: true },
    ],
  ]);
  expect(shown.map(({ at }) => at)).toEqual([0, undefined, 40]);
});

test('nothing of a text is lost or shown twice, wherever chunks and paragraphs end', () => {
  const words = Array.from({ length: 40 }, (_, i) => `word${i}`);
  const text = words.join(' ');
  const starts = words.map((_, i) => words.slice(0, i).join(' ').length + (i > 0 ? 1 : 0));
  for (let every = 1; every <= 9; every++) {
    for (let length = 1; length <= 9; length++) {
      const paragraphs = starts.filter((_, i) => i % every === 0).map((start) => ({ start, at: start }));
      const begins = starts.filter((_, i) => i % length === 0);
      const chunks = begins.map((start, i) => ({ start, end: (begins[i + 1] ?? text.length + 1) - 1, tokens: length }));
      const segments = shownParagraphs({ text, paragraphs, chunks }).flatMap((paragraph) => paragraph.segments);
      expect(segments.map((segment) => segment.text).join(' ')).toBe(text);
      expect(segments.filter(({ isStart }) => isStart).map(({ chunk }) => chunk)).toEqual(chunks.map((_, i) => i));
    }
  }
});
