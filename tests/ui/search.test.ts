import { describe, expect, it, test } from 'vitest';
import { configure } from '../../src/settings/configuration.ts';
import type { SearchHit } from '../../src/lab/door/views.ts';
import type { ChunkView } from '../../src/run/record.ts';
import { takeHomeWords } from '../../src/ui/panels/takeHome/words.ts';
import { commonFolder, droppedFiles } from '../../src/ui/components/droppedFiles.ts';
import { amongWords, barLength, exampleQueries, firstRight, moveOf } from '../../src/ui/panels/search/words.ts';

function chunk(documentTitle: string, text: string): ChunkView {
  return { documentTitle, text, document: 0, tokens: [] };
}

function hit(ranks: Partial<SearchHit['ranks']>, score = 0.5): SearchHit {
  const all = { after: undefined, before: undefined, bm25: undefined, tfidf: undefined, ...ranks };
  return { chunk: 0, text: '', document: 0, documentTitle: '', score, ranks: all };
}

describe('the right answer', () => {
  const first = { after: 1, before: 4, bm25: 2, tfidf: undefined };
  const bread = { document: 0, title: 'Bread', first };
  const salt = { document: 3, title: 'Salt', first: { ...first, after: 7 } };
  const hits = { after: [hit({})], before: [{ ...hit({}), chunk: 9, document: 3 }], bm25: [], tfidf: [] };
  const result = { query: 'bread', step: 5, chunks: 12, hits, documents: [bread, salt], asked: 0 };

  it('is what the query is of, until the reader chooses', () => {
    expect(firstRight(result, undefined)).toBe(
      'The first chunk of “Bread”, which the query is of: rank 1 after training, rank 4 before training, rank 2 by BM25, not found by TF-IDF.',
    );
    expect(firstRight(result, 9)).toMatch(/^The first chunk of “Salt”, which you chose: rank 7 after training, rank 4/);
  });

  it('is nobody’s guess where neither says it', () => {
    expect(firstRight({ ...result, asked: undefined }, undefined)).toBeUndefined();
  });
});

describe('example queries', () => {
  it('are the titles of the documents', () => {
    const chunks = [chunk('Bread', 'a'), chunk('Bread', 'b'), chunk('Salt', 'c'), chunk('Text 3', 'd')];
    expect(exampleQueries({ preview: chunks })).toEqual(['Bread', 'Salt']);
    expect(exampleQueries({ preview: chunks, queries: ['a fact'] })).toEqual(['a fact']);
  });

  it('are first words where documents have no names', () => {
    const chunks = [
      chunk('Pasted text', '## A loaf rises slowly in a cold room, overnight.'),
      chunk('Document 2', 'Hi!'),
    ];
    expect(exampleQueries({ preview: chunks })).toEqual(['A loaf rises slowly in a cold', 'Hi']);
    expect(exampleQueries({ preview: [] })).toEqual([]);
  });
});

test('a search says that it is among more than recall is', () => {
  expect(amongWords(512, 8)).toBe(
    'This search ranks all 512 chunks; recall@1 on the charts ranks the 7 others of a batch, which is easier.',
  );
});

describe('ranks', () => {
  it('say what training moved, the same in both columns', () => {
    const climbed = hit({ after: 1, before: 13 });
    expect(moveOf(climbed, 'after')).toEqual({ places: 12, mark: '▲', words: 'rank 13 before training' });
    expect(moveOf(climbed, 'before')).toEqual({ places: 12, mark: '▲', words: 'rank 1 after training' });
    expect(moveOf(hit({ after: 9, before: 2 }), 'after')).toMatchObject({ places: -7, mark: '▼' });
    expect(moveOf(hit({ after: 2, before: 2 }), 'after')).toMatchObject({
      mark: '=',
      words: 'same rank before training',
    });
  });

  it('are compared with the trained ones where words are matched', () => {
    expect(moveOf(hit({ after: 2, bm25: 5 }), 'bm25')).toMatchObject({ places: 3, words: 'rank 2 after training' });
    expect(moveOf(hit({ after: 2 }), 'bm25')).toBeUndefined();
  });

  it('have bars: cosines as they are, word scores against the best', () => {
    expect(barLength(0.8, 'after', [hit({}, 0.9)])).toBe(0.8);
    expect(barLength(-0.2, 'before', [])).toBe(0);
    expect(barLength(3, 'bm25', [hit({}, 6), hit({}, 3)])).toBe(0.5);
  });
});

describe('what is taken home', () => {
  it('are adapters on the checkpoint they were trained on', () => {
    const lora = configure({
      base: 'checkpoint',
      trained: 'lora',
      checkpoint: 'a/b@v1',
      retrieverCheckpoint: 'c/d',
    });
    const { noun, python } = takeHomeWords(lora);
    expect(noun).toBe('adapters');
    expect(python).toContain('base = AutoModel.from_pretrained("c/d")\nretriever = PeftModel');
    expect(python).toContain('    "a/b", revision="v1")');
  });

  it('bring a small base along, and whole models need none', () => {
    expect(takeHomeWords(configure({ trained: 'lora' })).python).toContain('AutoModel.from_pretrained("base")');
    const whole = takeHomeWords(configure({}));
    expect([whole.noun, whole.python.includes('peft')]).toEqual(['models', false]);
  });
});

/** Entries as a browser hands them out: a folder's in portions of two. */
function fileEntry(path: string): FileSystemEntry {
  const file = (take: (file: File) => void) => take(new File([path], path));
  return { isFile: true, isDirectory: false, fullPath: path, file } as unknown as FileSystemEntry;
}

function folderEntry(path: string, inside: FileSystemEntry[]): FileSystemEntry {
  const createReader = () => {
    const rest = [...inside];
    return { readEntries: (take: (entries: FileSystemEntry[]) => void) => take(rest.splice(0, 2)) };
  };
  return { isFile: false, isDirectory: true, fullPath: path, createReader } as unknown as FileSystemEntry;
}

function transferOf(...entries: FileSystemEntry[]): DataTransfer {
  const items = entries.map((entry) => ({ webkitGetAsEntry: () => entry }));
  return { items, files: [] } as unknown as DataTransfer;
}

describe('files of a folder', () => {
  it('are all found when it is dropped, with those of its folders', async () => {
    const inner = folderEntry('/m/sub', [fileEntry('/m/sub/d')]);
    const folder = folderEntry('/m', [fileEntry('/m/a'), fileEntry('/m/b'), fileEntry('/m/c'), inner]);
    const files = await droppedFiles(transferOf(folder, fileEntry('/e')));
    expect(files.map(({ path }) => path)).toEqual(['m/a', 'm/b', 'm/c', 'm/sub/d', 'e']);
  });

  it('are refused when there are more than a model has', async () => {
    const many = Array.from({ length: 2001 }, (_, i) => fileEntry(`/m/${i}`));
    await expect(droppedFiles(transferOf(folderEntry('/m', many)))).rejects.toThrow('more than 2000 files');
  });

  it('share its name', () => {
    expect(commonFolder([{ path: 'm/config.json' }, { path: 'm/sub/a' }])).toBe('m');
    expect(commonFolder([{ path: 'm/config.json' }, { path: 'n/a' }])).toBe('');
    expect(commonFolder([{ path: 'config.json' }])).toBe('');
    expect(commonFolder([])).toBe('');
  });
});
