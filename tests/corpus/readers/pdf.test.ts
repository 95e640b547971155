import { expect, test } from 'vitest';
import { readPdf } from '../../../src/corpus/sources/readers/pdf.ts';
import { textOfPages, type PageItem } from '../../../src/corpus/sources/readers/pdfText.ts';
import { makePdf, type PdfLine } from './makePdf.ts';

const at = (lines: readonly string[], from = 60, x = 60): PdfLine[] =>
  lines.map((text, i) => ({ text, x, y: from + 12 * i }));
const read = (pages: readonly (readonly PdfLine[])[]) => readPdf('book.pdf', makePdf(pages), {});

test('paragraphs by gaps, headings by size, words put together, ligatures as letters', async () => {
  const { text, notes } = await read([
    [
      { text: 'The Lighthouse', y: 40, size: 18 },
      ...at(
        [
          'The keeper found the \\256re low and the light-',
          'house cold, so he lit it again and waited for the',
          'dawn.',
        ],
        80,
      ),
      ...at(['A second paragraph stands below a wider gap and', 'goes on here.'], 140),
    ],
  ]);
  expect(text).toBe(
    '# The Lighthouse\n\n' +
      'The keeper found the fire low and the lighthouse cold, so he lit it again and waited for the dawn.\n\n' +
      'A second paragraph stands below a wider gap and goes on here.',
  );
  expect(notes).toEqual([]);
});

test('a paragraph goes on over the page; page numbers and running heads are left out', async () => {
  const page = (number: number, lines: readonly string[]): PdfLine[] => [
    { text: `Notes of a keeper, part ${number}`, y: 20 },
    ...at(lines),
    { text: `${number}`, x: 300, y: 780 },
  ];
  const { text } = await read([
    page(1, ['The ships that passed in the night were', 'counted by the keeper, who wrote each of']),
    page(2, ['them down in his book before he slept.', 'Nobody ever asked to see it.']),
    page(3, ['In spring the book was full.']),
  ]);
  expect(text).toBe(
    'The ships that passed in the night were counted by the keeper, who wrote each of them down in his book before he slept. Nobody ever asked to see it.\n\n' +
      'In spring the book was full.',
  );
});

test('items of a list and first lines that stand in begin paragraphs; dots to page numbers are left out', () => {
  const line = (text: string, x: number, i: number): PageItem => ({
    text,
    x,
    y: 700 - 12 * i,
    width: 5 * text.length,
    size: 10,
    endsLine: true,
  });
  const lines = [
    ['1 Introduction . . . . . . . . . . 3', 60],
    ['The keeper stands in by some letters at the end and', 60],
    ['goes on at the margin without a break in between', 60],
    ['First come the things that are needed for the', 80],
    ['night watch, which are these:', 60],
    ['• a lamp that burns for a whole night with-', 60],
    ['out being filled', 72],
    ['• oil', 60],
  ] as const;
  expect(textOfPages([lines.map(([text, x], i) => line(text, x, i))]).split('\n\n')).toEqual([
    'The keeper stands in by some letters at the end and goes on at the margin without a break in between',
    'First come the things that are needed for the night watch, which are these:',
    '• a lamp that burns for a whole night without being filled',
    '• oil',
  ]);
});

test('pages without text are named, and a file without any is refused in words', async () => {
  const { notes } = await read([at(['Some text stands here.']), []]);
  expect(notes).toEqual(['1 of the 2 pages of book.pdf hold no text: they may be pictures.']);
  await expect(read([[], []])).rejects.toMatchObject({
    code: 'unreadable-file',
    message: expect.stringMatching(/pictures.*OCR/) as string,
  });
  const damaged = makePdf([at(['Text.'])]).slice(0, 30);
  await expect(readPdf('half.pdf', damaged, {})).rejects.toMatchObject({ code: 'unreadable-file' });
  await expect(readPdf('no.pdf', new TextEncoder().encode('No PDF at all.'), {})).rejects.toThrow(
    /no\.pdf could not be read/,
  );
});

test('reading is stopped between two pages', async () => {
  const control = new AbortController();
  const reading = readPdf('book.pdf', makePdf([at(['One.']), at(['Two.'])]), {
    signal: control.signal,
    onProgress: () => control.abort(),
  });
  await expect(reading).rejects.toMatchObject({ code: 'aborted' });
});
