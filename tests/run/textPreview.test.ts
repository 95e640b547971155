import { expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { previewText } from '../../src/run/textPreview.ts';
import { configure } from '../../src/settings/configuration.ts';

const CONFIGURATION = configure({ source: 'text', chunks: 4 });

/** Ten paragraphs of two sentences, the last of one. */
const PARAGRAPHS = Array.from({ length: 10 }, (_, i) => {
  const first = `The ${i}th keeper of the lighthouse wrote down every ship that passed in the night.`;
  return i === 9
    ? 'That is all there is.'
    : `${first} He counted ${i + 3} of them, and ${i} were never seen again on that coast.`;
});
const TEXT = pastedText('Keepers', PARAGRAPHS.join('\n\n'));

test('a preview says what a run on the text will read: the same documents, chunks and notices', async () => {
  const preview = await previewText(TEXT, CONFIGURATION);
  const { summary, chunks } = await setUpCorpus(CONFIGURATION, { text: TEXT });
  expect(preview).toMatchObject({ unit: 'paragraph', isGuessed: true, documentCount: 10, countedIn: 'text' });
  expect([preview.documentCount, preview.chunkCount]).toEqual([summary.documents, summary.chunks]);
  expect(preview.partneredChunks).toBe(summary.partnered);
  const shown = preview.documents.flatMap(({ text, document, chunks: cut }) =>
    cut.map(({ start, end }) => ({ text: text.slice(start, end), document })),
  );
  expect(shown).toEqual(chunks.map(({ text, document }) => ({ text, document })));
  expect(summary.notices).toEqual(preview.notices);
});

test('short documents are cut so that they have two chunks, and those that cannot be are named', async () => {
  const preview = await previewText(TEXT, CONFIGURATION);
  expect(
    preview.documents
      .map(({ chunkCount }) => chunkCount)
      .slice(0, 9)
      .every((count) => count > 1),
  ).toBe(true);
  expect(preview.alone).toEqual({ count: 1, titles: ['That is all there is.'] });
  expect(preview.notices).toEqual([expect.stringContaining('“That is all there is.”')]);
  expect(preview.isLengthChosen).toBe(true);
  expect(preview.documents.flatMap(({ chunks }) => chunks).every(({ tokens }) => tokens <= preview.chunkTokens)).toBe(
    true,
  );

  const fixed = await previewText(TEXT, { ...CONFIGURATION, chunkFit: 'fixed', chunkTokens: 200 });
  expect(fixed).toMatchObject({ isLengthChosen: false, chunkCount: 10, partneredChunks: 0 });
  expect(fixed.alone.count).toBe(10);
});

test('paragraphs are offered as places, by which the text is corrected', async () => {
  const { documents } = await previewText(TEXT, CONFIGURATION);
  const at = documents[1]?.paragraphs[0]?.at ?? NaN;
  const joined = await previewText({ ...TEXT, splits: [{ file: 0, at, begins: false }] }, CONFIGURATION);
  expect(joined.documentCount).toBe(9);
  const [first] = joined.documents;
  expect(first?.paragraphs.map(({ at: place }) => place)).toEqual([0, at]);
  expect(first?.text.slice(first.paragraphs[1]?.start)).toBe(PARAGRAPHS[1]);
});

test('without the checkpoint its tokens are estimated', async () => {
  const preview = await previewText(TEXT, configure({ source: 'text', base: 'checkpoint', chunks: 4 }));
  expect(preview).toMatchObject({ countedIn: 'estimate', documentCount: 10 });
  expect(preview.partneredChunks).toBeGreaterThanOrEqual(18);
});

test('of a long text some documents are sent, from the one asked for on', async () => {
  const long = pastedText(
    'Long',
    Array.from({ length: 700 }, (_, i) => `${i}. ${PARAGRAPHS[i % 9] ?? ''}`).join('\n\n'),
  );
  const preview = await previewText(long, CONFIGURATION, { from: 690 });
  expect(preview).toMatchObject({ documentCount: 700, from: 690 });
  expect(preview.documents.map(({ document }) => document)).toEqual(Array.from({ length: 10 }, (_, i) => 690 + i));
  expect((await previewText(long, CONFIGURATION)).documents.length).toBeLessThanOrEqual(200);
});

test('a preview says how many documents training will not see', async () => {
  const preview = await previewText(TEXT, CONFIGURATION);
  const { batches } = await setUpCorpus(CONFIGURATION, { text: TEXT });
  const heldOut = batches.heldOutBatches(20).flatMap(({ chunks }) => chunks.map(({ document }) => document));
  expect(preview.heldOutDocuments).toBe(new Set(heldOut).size);
  const short = pastedText('Short', PARAGRAPHS.slice(0, 3).join('\n\n'));
  expect((await previewText(short, CONFIGURATION)).heldOutDocuments).toBe(0);
});
