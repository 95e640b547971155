import { expect, test } from 'vitest';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { isRevelaBatch } from '../../src/objectives/revela/objective.ts';
import { CorpusFeed, type CorpusBatch } from '../../src/run/feed.ts';
import { configure } from '../../src/settings/configuration.ts';

test('chunks too short for a passage’s marks are refused at their setting, with the least that will do', async () => {
  const short = configure({ source: 'shore', vocabulary: 300, chunkTokens: 8 });
  const refusal = await setUpCorpus(short).then(
    () => undefined,
    (cause: unknown) => cause as Error & { setting?: string },
  );
  expect(refusal).toMatchObject({ name: 'SettingError', setting: 'chunkTokens' });
  const least = Number(/at least (\d+)/.exec(refusal?.message ?? '')?.[1]);
  const { batches } = await setUpCorpus({ ...short, chunkTokens: least });
  expect(batches.batchAt(0).chunks).toHaveLength(8);
  await expect(setUpCorpus({ ...short, chunkTokens: least - 1 })).rejects.toThrow(`at least ${least}`);
});

test('the BM25 control counts the words of a corpus once, not again for every batch', async () => {
  const configuration = configure({ source: 'shore', vocabulary: 300, attention: 'bm25', heldOutBatches: 2 });
  const corpus = await setUpCorpus(configuration);
  const asked = new CorpusFeed(corpus, configuration).batchAt(0);
  let readings = 0;
  const watched = {
    ...corpus,
    get chunkTexts() {
      readings++;
      return corpus.chunkTexts;
    },
  };
  const feed = new CorpusFeed(watched, configuration);
  const controlOf = (batch: CorpusBatch) => (isRevelaBatch(batch) ? batch.fixedAttention : undefined);
  expect(controlOf(feed.batchAt(0))).toEqual(controlOf(asked));
  for (const batch of [feed.batchAt(1), feed.batchAt(2), ...feed.scored()])
    for (let row = 0; row < 8; row++)
      expect(
        controlOf(batch)
          ?.slice(8 * row, 8 * row + 8)
          .reduce((sum, share) => sum + share, 0),
      ).toBeCloseTo(1, 6);
  expect(readings).toBe(0);
});

test('in the sample of the fact stream each fact is a document of its own, and examples to search with are no copies', async () => {
  const { chunks, summary } = await setUpCorpus(configure({}));
  const documents = new Set(chunks.map(({ document }) => document));
  expect(documents.size).toBe(chunks.length / 2);
  expect(new Set(chunks.map(({ document, documentTitle }) => `${document} ${documentTitle}`)).size).toBe(
    documents.size,
  );
  expect(summary.queries).toHaveLength(4);
  expect(chunks.map(({ text }) => text)).not.toEqual(expect.arrayContaining([summary.queries?.[0]]));
});
