import { describe, expect, test } from 'vitest';
import { readCollection } from '../../../src/evaluation/collections/beir.ts';
import { builtInFiles, loadBuiltIn, trainingTextOf } from '../../../src/evaluation/collections/builtIn.ts';
import { BUILT_IN_COLLECTIONS } from '../../../src/evaluation/collections/builtInTable.ts';
import { documentText } from '../../../src/evaluation/collections/collection.ts';
import { filesInMemory } from '../../../src/evaluation/collections/collectionFiles.ts';

const SIZES: Readonly<Record<string, number>> = { 'python-faq': 175, 'stdlib-code': 240 };

describe.each(BUILT_IN_COLLECTIONS)('$id', ({ id, origin, hasTrainingText }) => {
  test('has a text for every document and query, one relevant document each, and nothing to say', async () => {
    const { documents, queries, qrels, notices } = await loadBuiltIn(id);
    expect([documents.length, queries.length, qrels.size]).toEqual([SIZES[id], SIZES[id], SIZES[id]]);
    expect(documents.map(documentText)).not.toContain('');
    expect(queries.map(({ text }) => text.trim())).not.toContain('');
    expect([...qrels.values()].every((labels) => labels.size === 1)).toBe(true);
    expect(notices).toEqual([]);
  });

  test('is given away with its licence, and read again it is the same', async () => {
    const files = await builtInFiles(id);
    const text = (name: string) => files.find((file) => file.name === name)?.text ?? '';
    expect(origin).toContain('PSF licence version 2');
    expect(text('LICENSE.txt').includes('PSF LICENSE AGREEMENT FOR PYTHON')).toBe(true);
    const again = await readCollection(
      filesInMemory(id, Object.fromEntries(files.map((file) => [file.name, file.text]))),
    );
    expect({ ...again, title: '' }).toEqual({ ...(await loadBuiltIn(id)), title: '' });
    expect(files.some(({ name }) => name === 'training.txt')).toBe(hasTrainingText);
  });

  test('says whether there is text to train on, and no answer stands in it word for word', async () => {
    if (!hasTrainingText) return expect(trainingTextOf(id)).rejects.toThrow('has no text to train on');
    const training = (await trainingTextOf(id)).replace(/\s+/g, ' ');
    expect(training.length).toBeGreaterThan(100_000);
    const { documents } = await loadBuiltIn(id);
    const inIt = documents.filter((document) => training.includes(documentText(document).replace(/\s+/g, ' ')));
    expect(inIt.map((document) => document.id)).toEqual([]);
  });
});

test('a name that is none is refused with those that there are', async () => {
  await expect(loadBuiltIn('scifact')).rejects.toThrow(
    'There is no collection scifact. Built in are python-faq and stdlib-code.',
  );
});
