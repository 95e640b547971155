import { describe, expect, test } from 'vitest';
import { readCollection } from '../../../src/evaluation/collections/beir.ts';
import { documentText } from '../../../src/evaluation/collections/collection.ts';
import { filesInMemory, filesOfZip, type GivenFiles } from '../../../src/evaluation/collections/collectionFiles.ts';
import { concatenated } from '../../../src/files/formats/safetensors.ts';
import { memorySource } from '../../../src/files/formats/byteSource.ts';
import { textFile, zipChunks } from '../../../src/files/formats/zipWriter.ts';

const row = (id: unknown, text: unknown, title?: unknown): string => JSON.stringify({ _id: id, title, text });
const CORPUS = [row('d1', 'The sea is cold.', 'The sea'), row('d2', 'Gulls are loud.'), row(3, 'Boats.', null)];
const QUERIES = [row('q1', 'cold'), row('q2', 'loud'), row('other', 'of another split')];
const QRELS = 'query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\nq2\t3\t0\n';

const FILES: Readonly<Record<string, string>> = {
  'corpus.jsonl': CORPUS.join('\n'),
  'queries.jsonl': `${QUERIES.join('\n')}\n`,
  'qrels/test.tsv': QRELS,
};

const given = (changes: Readonly<Record<string, string | undefined>> = {}): GivenFiles => {
  const all = Object.entries({ ...FILES, ...changes });
  return filesInMemory('sea', Object.fromEntries(all.filter((one): one is [string, string] => one[1] !== undefined)));
};
const inFolder = (folder: string): Record<string, string> =>
  Object.fromEntries(Object.entries(FILES).map(([name, text]) => [`${folder}/${name}`, text]));

function zipOf(files: Readonly<Record<string, string>>): Uint8Array {
  return concatenated([...zipChunks(Object.entries(files).map(([name, text]) => textFile(name, text)))]);
}

test('reads documents, the judged queries of a split, and their labels', async () => {
  const told: string[] = [];
  const found = await readCollection(given(), { onProgress: (detail, share) => told.push(`${detail} ${share}`) });
  expect(found.documents.map(({ id }) => id)).toEqual(['d1', 'd2', '3']);
  expect(found.documents.map(documentText)).toEqual(['The sea The sea is cold.', 'Gulls are loud.', 'Boats.']);
  expect(found.queries).toEqual([
    { id: 'q1', text: 'cold' },
    { id: 'q2', text: 'loud' },
  ]);
  expect(found.qrels).toEqual(
    new Map([
      ['q1', new Map([['d1', 1]])],
      [
        'q2',
        new Map([
          ['d2', 2],
          ['3', 0],
        ]),
      ],
    ]),
  );
  expect(found.notices).toEqual([]);
  expect(told.at(-1)).toBe('Reading qrels/test.tsv 1');
});

describe('finds the parts', () => {
  test('in a zip file, within a folder', async () => {
    const zip = filesOfZip('sea.zip', zipOf(inFolder('sea')));
    expect((await readCollection(zip)).queries).toHaveLength(2);
  });

  test('among files that were dropped without their folder', async () => {
    const files = given({ 'qrels/test.tsv': undefined, 'test.tsv': QRELS });
    expect((await readCollection(files)).queries).toHaveLength(2);
  });

  test('of the split that is asked for; of the only one where nobody asks', async () => {
    const dev = given({ 'qrels/dev.tsv': 'q1\td2\t1\n' });
    expect([...(await readCollection(dev, { split: 'dev' })).qrels]).toEqual([['q1', new Map([['d2', 1]])]]);
    const only = given({ 'qrels/test.tsv': undefined, 'qrels/dev.tsv': 'q1\td2\t1\n' });
    expect((await readCollection(only)).queries).toHaveLength(1);
    await expect(readCollection(dev, { split: 'train' })).rejects.toThrow(
      'sea has no judgements "train". There are test and dev: choose one.',
    );
  });

  test('with judgements from elsewhere', async () => {
    const qrels = memorySource('own.qrels', new TextEncoder().encode('q1 0 d2 1\n'));
    const found = await readCollection(given({ 'qrels/test.tsv': undefined }), { qrels });
    expect([...found.qrels]).toEqual([['q1', new Map([['d2', 1]])]]);
  });

  test.each([
    [{ 'corpus.jsonl': undefined }, 'sea has no corpus.jsonl. A collection is'],
    [{ 'queries.jsonl': undefined }, 'sea has no queries.jsonl.'],
    [{ 'qrels/test.tsv': undefined }, 'sea has no judgements.'],
    [{ 'corpus.jsonl': undefined, ...inFolder('a'), ...inFolder('b') }, 'holds several collections: a/, b/.'],
  ])('and says what is missing: %#', async (changes, message) => {
    await expect(readCollection(given(changes))).rejects.toThrow(message);
  });
});

describe('refuses the whole, naming file and line', () => {
  test.each([
    ['corpus.jsonl', `${CORPUS[0]}\n{"_id": "d2", \n`, 'corpus.jsonl, line 2: it is no JSON'],
    ['corpus.jsonl', `\n${CORPUS[0]}\n[1]`, 'corpus.jsonl, line 3: it is no object.'],
    ['corpus.jsonl', row('', 'a'), 'corpus.jsonl, line 1: "_id" should be a text'],
    ['corpus.jsonl', row('d1', undefined), 'corpus.jsonl, line 1: "text" of "d1" should be a text.'],
    ['corpus.jsonl', row('d1', 'a', 3), 'corpus.jsonl, line 1: "title" of "d1" should be a text.'],
    [
      'corpus.jsonl',
      [...CORPUS, row('d1', 'again')].join('\n'),
      'corpus.jsonl, line 4: the id "d1" is that of line 1.',
    ],
    ['corpus.jsonl', '\n', 'corpus.jsonl has no documents.'],
    [
      'queries.jsonl',
      [...QUERIES, row('q2', 'again')].join('\n'),
      'queries.jsonl, line 4: the id "q2" is that of line 2.',
    ],
    ['qrels/test.tsv', `${QRELS}q9\td1\t1\n`, 'qrels/test.tsv, line 5: there is no query "q9" in queries.jsonl.'],
    ['qrels/test.tsv', '1\td1\t1\n2\td2\t1\n', 'places in the file be given.'],
    ['qrels/test.tsv', 'q1\td1\t0\n', 'calls no document relevant'],
    [
      'qrels/test.tsv',
      'q1\tx1\t1\nq2\tx2\t1\n',
      'none of the 2 relevant documents of qrels/test.tsv is in corpus.jsonl (line 1: "x1").',
    ],
  ])('%s %#', async (name, text, message) => {
    await expect(readCollection(given({ [name]: text }))).rejects.toThrow(message);
  });

  test('bytes that are no UTF-8, and lines without an end', async () => {
    const latin = Buffer.from(`${row('d1', 'a')}\n${row('d2', 'é')}\n`, 'latin1');
    const texts = { 'queries.jsonl': FILES['queries.jsonl'] ?? '', 'qrels/test.tsv': QRELS };
    await expect(readCollection(filesInMemory('sea', { ...texts, 'corpus.jsonl': latin }))).rejects.toThrow(
      'corpus.jsonl, line 2: it is not in UTF-8.',
    );
    const long = `${row('d1', 'a')}\n${row('d2', 'x'.repeat(9_000_000))}\n${row('d3', 'b')}`;
    await expect(readCollection(filesInMemory('sea', { ...texts, 'corpus.jsonl': long }))).rejects.toThrow(
      /corpus\.jsonl, line 2: it has 9\.00 MB; at most 8\.39 MB are read\.$/,
    );
  });

  test('names the first and counts the rest, of all files together', async () => {
    const corpus = Array.from({ length: 8 }, () => 'x').join('\n');
    const error = await readCollection(given({ 'corpus.jsonl': corpus })).catch((cause: unknown) => cause);
    expect(String(error)).toMatch(/sea is not read: 8 lines cannot be used\.\n(corpus.*\n){5}and 3 more$/);
  });

  test('more documents than are read', async () => {
    await expect(readCollection(given(), { mostDocuments: 2 })).rejects.toThrow(
      'corpus.jsonl, line 3: at most 2 are read.',
    );
  });
});

test('tells what can be judged all the same', async () => {
  const { notices, documents, qrels } = await readCollection(
    given({
      'corpus.jsonl': [...CORPUS, row('d4', ' ', '')].join('\n'),
      'queries.jsonl': [...QUERIES, row('q3', ''), row('q4', 'none')].join('\n'),
      'qrels/test.tsv': `${QRELS}q1\td9\t1\nq1\td8\t0\nq3\td2\t1\nq4\td1\t0\nq1\td1\t1\n`,
    }),
  );
  expect(notices).toEqual([
    '1 document of corpus.jsonl has no text and cannot be found: "d4" (line 4).',
    '1 judged query of queries.jsonl has no text and finds nothing: "q3" (line 4).',
    '2 labels of qrels/test.tsv are of documents that corpus.jsonl lacks: "d9" (line 5), "d8" (line 6). 1 of them counts as relevant and cannot be found.',
    '1 judged query without a relevant document is left out of the means.',
    '1 lines of qrels/test.tsv say again what another says.',
  ]);
  expect(documents).toHaveLength(4);
  expect(qrels.get('q1')).toEqual(
    new Map([
      ['d1', 1],
      ['d9', 1],
      ['d8', 0],
    ]),
  );
});

test('ends when it is told to', async () => {
  const stop = new AbortController();
  stop.abort();
  await expect(readCollection(given(), { signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
});
