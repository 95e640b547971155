import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CorpusBatches } from '../../../src/corpus/batches/batching.ts';
import { buildCorpus } from '../../../src/corpus/corpus.ts';
import { divideText, type Division } from '../../../src/corpus/sources/division/division.ts';
import { readSources } from '../../../src/corpus/sources/readers/readers.ts';
import { estimateTokens } from '../../../src/corpus/tokenEstimate.ts';
import { recallAt1 } from '../../../src/retrieval/metrics.ts';

const INPUTS = fileURLToPath(new URL('inputs', import.meta.url));

/** A file as it lies on the disk, read and divided. */
async function divided(start: string): Promise<Division> {
  const name = readdirSync(INPUTS).find((file) => file.startsWith(start)) ?? '';
  const bytes = new Uint8Array(readFileSync(join(INPUTS, name)));
  return divideText(await readSources([{ name, size: bytes.length, bytes: () => Promise.resolve(bytes) }]));
}

const titles = ({ documents }: Division): string[] => documents.map(({ title }) => title);
const notes = ({ notices }: Division): string[] => notices.map(({ message }) => message);
const allText = ({ documents }: Division): string => documents.flatMap(({ paragraphs }) => paragraphs).join('\n');

test('titles underlined with === and --- are those of their own sections', async () => {
  const found = await divided('x01');
  expect(titles(found)).toEqual(['Harbour notes', 'Boats', 'Lamps', 'Bread']);
  expect(allText(found)).not.toMatch(/Boats|---|===/);
});

test('rules and # within a fence cut nothing', async () => {
  const found = await divided('x02');
  expect(titles(found)).toEqual(['Deploying', 'Removing']);
  expect(found.documents[0]?.paragraphs).toHaveLength(3);
  expect(found.documents[0]?.paragraphs[1]).toMatch(/^```yaml\n[^]*third\n```$/);
});

test('front matter is no document', async () => {
  const found = await divided('x03');
  expect(titles(found)).toEqual(['Cellar', 'Loft']);
  expect(allText(found)).not.toMatch(/title|tags|2024/);
});

test('one NUL is left out, and named', async () => {
  const found = await divided('x04');
  expect(notes(found)).toEqual([expect.stringMatching(/U\+0000 \(NUL\), once/)]);
  expect(allText(found)).not.toContain('\0');
});

test('a heading of thousands of spaces is a heading', async () => {
  const found = await divided('x05');
  expect(allText(found)).toMatch(/Stock list/);
  expect(found.documents.every(({ title }) => title.length < 100)).toBe(true);
});

test('a control character in good UTF-8 is left out, and named', async () => {
  const found = await divided('x06');
  expect(notes(found)).toEqual([expect.stringMatching(/U\+0002, once/)]);
  expect(allText(found)).toMatch(/^The old mill/);
  expect(allText(found)).not.toContain('\u0002');
});

test('spaced rules are rules', async () => {
  const found = await divided('x07');
  expect(found.documents).toHaveLength(4);
  expect(allText(found)).not.toMatch(/\* \*|- -/);
});

test('copies are said, and no wrong answers', async () => {
  const { documents } = await divided('x08');
  const corpus = await buildCorpus(documents, { maxTokens: 58, countTokens: estimateTokens, isFitted: true });
  const copies = corpus.documents.length - 1;
  expect(copies).toBeGreaterThan(3);
  expect(corpus.notices.map(({ code }) => code)).toContain('copies');
  expect(corpus.notices.find(({ code }) => code === 'copies')?.message).toContain(`${copies} documents are copies`);
  const source = new CorpusBatches(corpus, { batchSize: 4 });
  const { labels } = source.batchAt(0);
  expect(new Set(labels).size).toBe(1);
  expect(recallAt1(new Float32Array(16), labels)).toMatchObject({ recall: undefined, rows: 0 });
});

test('Latin-1 letters are kept, with a word on how they were read', async () => {
  const found = await divided('x09');
  expect(allText(found)).toMatch(/café|fermé/);
  expect(notes(found)).toEqual([expect.stringMatching(/read as Windows-1252/)]);
});
