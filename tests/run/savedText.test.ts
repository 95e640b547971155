import { expect, test } from 'vitest';
import { pastedText, withSplit } from '../../src/corpus/given.ts';
import { divideText } from '../../src/corpus/sources/division/division.ts';
import { memorySource, type ByteSource } from '../../src/files/formats/byteSource.ts';
import { writeSavedRun } from '../../src/files/formats/savedRun.ts';
import { roomForRecord, MOST_RECORD_BYTES } from '../../src/run/recordText.ts';
import { readRun, textMetadata } from '../../src/run/saving.ts';
import { configure } from '../../src/settings/configuration.ts';

const PARAGRAPHS = Array.from(
  { length: 12 },
  (_, i) => `Keeper ${i} wrote down each ship that passed. He counted ${i + 3} of them in the night.`,
);
const TINY = { source: 'text', chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, vocabulary: 300 };

async function saved(metadata: Readonly<Record<string, string>>): Promise<ByteSource> {
  const chunks = await writeSavedRun({ step: 3, tensors: new Map([['a', Float32Array.of(1)]]) }, metadata);
  return memorySource('run', Uint8Array.from(Buffer.concat(chunks)));
}

test('a saved run holds its files with the corrections made by hand', async () => {
  const files = [
    { name: 'a.txt', text: PARAGRAPHS.slice(0, 4).join('\n\n'), notes: ['A note.'] },
    { name: 'b.txt', text: PARAGRAPHS.slice(4).join('\n\n') },
  ];
  const text = withSplit({ files }, { file: 1, at: 0, begins: false });
  const configuration = JSON.stringify(configure(TINY));
  const found = await readRun(await saved({ configuration, ...textMetadata({ text, title: 'Keepers' }) }));
  expect([found.text, found.title]).toEqual([text, 'Keepers']);
  expect(found.settings['chunkFit']).toBe('auto');
  const { notices } = await divideText(found.text!);
  expect(notices.map(({ message }) => message)).toEqual(['A note.']);
});

test('one of a version before, with its text as one string, is divided and cut as it was then', async () => {
  const text = PARAGRAPHS.join('\n\n');
  const { chunkFit, documentUnit, column, ...settings } = configure(TINY);
  expect([chunkFit, documentUnit, column]).toEqual(['auto', 'auto', '']);
  const found = await readRun(await saved({ configuration: JSON.stringify(settings), text, title: 'Old.csv' }));
  expect(found.text).toEqual({ ...pastedText('Old.csv', text), dividedAs: 'earlier' });
  expect(configure(found.settings)).toMatchObject({ chunkFit: 'fixed', chunkTokens: 64 });
  // Neighbouring paragraphs were gathered into sections of 80 words.
  const { documents } = await divideText(found.text!);
  expect(documents.map(({ paragraphs }) => paragraphs.length)).toEqual([5, 7]);
});

test('one whose text is unreadable is refused', async () => {
  for (const given of ['{}', '{"files": [3]}', 'x'])
    await expect(readRun(await saved({ configuration: '{}', given }))).rejects.toThrow(/no readable text/);
});

test('the record gives way to a long text', () => {
  expect(roomForRecord(undefined)).toBe(MOST_RECORD_BYTES);
  expect(roomForRecord('short')).toBe(MOST_RECORD_BYTES);
  expect(roomForRecord('"'.repeat(20_000_000))).toBe(55_000_000);
});
