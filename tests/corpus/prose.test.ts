import { describe, expect, it } from 'vitest';
import { loadProse, proseCollections } from '../../src/corpus/sources/prose.ts';

describe('built-in collections', () => {
  it.each(proseCollections)(
    '$id is large enough to train on and as the menu says',
    async ({ id, title, description }) => {
      const documents = await loadProse(id);
      expect(documents.length).toBeGreaterThanOrEqual(12);
      for (const document of documents) {
        expect(document.title.trim()).not.toBe('');
        expect(document.paragraphs.length).toBeGreaterThanOrEqual(5);
        for (const paragraph of document.paragraphs) expect(paragraph.trim().split(/\s+/).length).toBeGreaterThan(20);
      }
      expect(new Set(documents.map((document) => document.title)).size).toBe(documents.length);
      const file = (await import(`../../src/corpus/sources/collections/${id}.json`)) as { default: unknown };
      expect(file.default).toMatchObject({ id, title, description });
    },
  );

  it('names the collections there are when asked for another', async () => {
    await expect(loadProse('cellar')).rejects.toMatchObject({
      code: 'invalid-collection',
      message: expect.stringContaining('kitchen, shore, workshop') as string,
    });
  });
});
