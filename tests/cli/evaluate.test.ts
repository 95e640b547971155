import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type * as nodeGpu from '../../src/cli/support/nodeGpu.ts';
import { builtInFiles } from '../../src/evaluation/collections/builtIn.ts';
import { measure, USUAL_MEASURES } from '../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../src/evaluation/measures/scores.ts';
import { readRunFile } from '../../src/evaluation/trec/runFile.ts';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { textFile, zipChunks } from '../../src/files/formats/zipWriter.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { TINY } from '../encoder/folder.ts';
import { jsonRows, qrelsOf, SEA_QUERIES, SEA_TEXTS } from '../harness/smallCollection.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';
import { lines, run } from './run.ts';

const shared = vi.hoisted(() => ({ runtime: undefined as Runtime | undefined }));
vi.mock('../../src/cli/support/nodeGpu.ts', async (original) => {
  const own = await original<typeof nodeGpu>();
  return { ...own, openNodeRuntime: () => (shared.runtime ? Promise.resolve(shared.runtime) : own.openNodeRuntime()) };
});

const QRELS = qrelsOf(SEA_QUERIES);

let folder: string;
let close = (): void => undefined;
const at = (...names: string[]): string => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-evaluate-'));
  await mkdir(at('sea/qrels'), { recursive: true });
  await writeFile(at('sea/corpus.jsonl'), jsonRows('d', SEA_TEXTS));
  await writeFile(at('sea/queries.jsonl'), jsonRows('q', SEA_QUERIES));
  await writeFile(at('sea/qrels/test.tsv'), QRELS);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  close();
});

const evaluate = async (...args: string[]): Promise<{ out: string; err: string }> => {
  const { code, out, err } = await run('evaluate', ...args);
  expect(code, err).toBe(0);
  return { out, err };
};
const refused = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await run('evaluate', ...args);
  expect([code, out]).toEqual([1, '']);
  return err;
};

describe('systems that go by words', () => {
  test('a built-in collection, a system a line as JSON', async () => {
    const { out } = await evaluate('--collection', 'python-faq', '--json', '--k1', '1.2', '--b', '0.75');
    const [bm25, tfidf, ...others] = lines(out);
    expect(others).toEqual([]);
    expect(bm25).toMatchObject({ system: 'bm25', queries: 175, missing: 0, words: 'BM25, k1 1.2, b 0.75' });
    expect(Object.keys(bm25?.['metrics'] as object)).toEqual([...USUAL_MEASURES]);
    expect((bm25?.['metrics'] as Record<string, number>)['ndcg@10']?.toFixed(3)).toBe('0.652');
    const [low, high] = (bm25?.['intervals95'] as Record<string, [number, number]>)['ndcg@10'] ?? [1, 0];
    expect([low > 0.55, high < 0.75, low < 0.652, high > 0.652]).toEqual([true, true, true, true]);
    expect(tfidf).toMatchObject({ system: 'tfidf', comparison: { against: 'bm25', measure: 'ndcg@10' } });
    const { better, worse, same } = tfidf?.['comparison'] as Record<string, number>;
    expect((better ?? 0) + (worse ?? 0) + (same ?? 0)).toBe(175);
  });

  test('a folder and a zip file that nobody has seen before, in words', async () => {
    const files = await builtInFiles('stdlib-code');
    const zip = [...zipChunks(files.map(({ name, text }) => textFile(`code/${name}`, text)))];
    await writeFile(at('code.zip'), Buffer.concat(zip));
    const { out } = await evaluate('--collection', at('code.zip'), '--systems', 'bm25');
    expect(out).toMatch(/^code\.zip: 240 documents, 240 queries; means over all that have a relevant document\n/);
    expect(out).toMatch(/\nbm25 +0\.591 /);
    const { out: sea } = await evaluate('--collection', at('sea'), '--losses', '1');
    expect(sea).toMatch(/^sea: 6 documents, 6 queries/);
    expect(sea).toContain('less bm25');
  });

  test('rankings and judgements are written as TREC has them, and give the same figures', async () => {
    const paths = ['--run', at('out.trec'), '--qrels-out', at('out.qrels'), '--per-query', at('out.tsv')];
    const { out } = await evaluate('--collection', 'python-faq', '--json', ...paths);
    for (const [i, name] of ['out.trec', 'out.tfidf.trec'].entries()) {
      const { rankings, tag } = await readRunFile(memorySource(name, await readFile(at(name))));
      const judged = new Map<string, Map<string, number>>();
      for (const line of (await readFile(at('out.qrels'), 'utf8')).trim().split('\n')) {
        const [query = '', , document = '', label] = line.split(' ');
        judged.set(query, new Map([[document, Number(label)]]));
      }
      const line = lines(out)[i];
      expect(tag).toBe(line?.['system']);
      const { means } = scoresOf(rankings, judged, USUAL_MEASURES.map(measure));
      expect(Object.fromEntries(means)).toEqual(line?.['metrics']);
    }
    const rows = (await readFile(at('out.tsv'), 'utf8')).trim().split('\n');
    expect(rows[0]).toBe('query\tbm25 ndcg@10\ttfidf ndcg@10\tdifference\ttext');
    expect(rows).toHaveLength(176);
    expect(rows[1]).toMatch(/^q128\t1\t0\t-1\tHow do I modify a string in place\?$/);
    expect(await refused('--collection', 'python-faq', ...paths)).toContain('out.trec cannot be written');
    // What was written is a system itself.
    const again = await evaluate(
      '--collection',
      'python-faq',
      '--json',
      '--systems',
      'bm25',
      '--ranked',
      at('out.tfidf.trec'),
    );
    expect(lines(again.out)[1]).toMatchObject({ system: 'tfidf', metrics: lines(out)[1]?.['metrics'] });
  });

  test('a built-in collection is written as a folder, with its licence and text to train on, and read again', async () => {
    const { code, out, err } = await run('collection', 'python-faq', '--out', at('faq'));
    expect([code, err, out]).toEqual([0, '', expect.stringContaining('PSF licence version 2')]);
    const { out: figures } = await evaluate('--collection', at('faq'), '--systems', 'bm25', '--measures', 'ndcg@10');
    expect(figures).toMatch(/\nbm25 +0\.610\n/);
    expect(await readFile(at('faq/LICENSE.txt'), 'utf8')).toContain('PSF LICENSE AGREEMENT');
    expect((await readFile(at('faq/training.txt'), 'utf8')).length).toBeGreaterThan(200_000);
    expect((await run('collection', 'python-faq', '--out', at('faq'))).code).toBe(1);
    expect((await run('collection', 'scifact', '--out', at('scifact'))).err).toContain(
      'There is no collection scifact.',
    );
  });

  test('a text without judgements, whose queries are its own first sentences', async () => {
    const paragraphs = SEA_TEXTS.map(
      (text, i) => `${text} There is more to be said of it in ${i + 7} other words, and so on.`,
    );
    await writeFile(at('notes.txt'), paragraphs.join('\n\n'));
    const { out, err } = await evaluate('--file', at('notes.txt'), '--documents', 'paragraph', '--systems', 'tfidf');
    expect(err).toContain('note: Nobody has judged this text. Queries are 6 first sentences');
    expect(out).toMatch(/^notes\.txt: 6 documents, 6 queries/);
  });

  test('ends when it is told to, with the signal’s code and nothing written', async () => {
    const stop = new AbortController();
    stop.abort('SIGINT');
    const told: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
    const path = at('stopped.trec');
    expect(await main(['evaluate', '--collection', at('sea'), '--run', path], stop.signal)).toBe(130);
    vi.restoreAllMocks();
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  test('what cannot be used is named, and nothing is printed', async () => {
    await mkdir(at('bad'));
    await writeFile(at('bad/corpus.jsonl'), `${jsonRows('d', SEA_TEXTS)}\n{"_id": "d0", "text": "again"}\n{`);
    await writeFile(at('bad/queries.jsonl'), jsonRows('q', SEA_QUERIES));
    await writeFile(at('bad/test.tsv'), `${QRELS}q9\td1\t1\n`);
    expect(await refused('--collection', at('bad'))).toMatch(
      /bad is not read: 3 lines cannot be used\.\ncorpus\.jsonl, line 7: .*\ncorpus\.jsonl, line 8: .*\ntest\.tsv, line 8: /,
    );
    expect(await refused('--collection', at('none'))).toContain('Built in are python-faq or stdlib-code.');
    expect(await refused()).toContain('Give a labelled collection by --collection');
    expect(await refused('--collection', at('sea'), '--split', 'dev')).toContain('There are test: choose one.');
    expect(await refused('--collection', 'python-faq', '--systems', 'bm25,bm52')).toContain('There is no system bm52.');
    expect(await refused('--collection', 'python-faq', '--systems', 'trained')).toContain('needs --model PATH');
    expect(await refused('--collection', 'python-faq', '--measures', 'ndgc@10')).toContain(
      'There is no measure ndgc@10.',
    );
    expect(await refused('--collection', 'python-faq', '--b', '2')).toContain('--b takes a number from 0 to 1');
    expect(await refused('--collection', 'python-faq', '--as', 'mteb')).toContain(
      '--as takes relevant, trec, trec-c, beir',
    );
  });
});

describe('a pretrained encoder', () => {
  test('alone, with BM25, and searching again; its files say how', async () => {
    const names = 'bm25,encoder,hybrid,rrf,prf-average,prf-rocchio,adapter';
    const { out, err } = await evaluate('--collection', at('sea'), '--encoder', TINY, '--systems', names, '--json');
    expect(lines(out).map(({ system }) => system)).toEqual(names.split(','));
    expect(lines(out)[1]).toMatchObject({ words: 'tiny (fp32)', queries: 6 });
    expect(lines(out)[2]?.['weights']).toHaveLength(5);
    expect(err).toContain('tiny: bert, fp32, 8 numbers a text, mean of at most 12 tokens; loaded in');
    expect(err).toContain('note: 6 of 6 documents have more than 12 tokens: the encoder reads no further.');
    const usual = await evaluate('--collection', at('sea'), '--encoder', TINY, '--json');
    expect(lines(usual.out).map(({ system }) => system)).toEqual(['bm25', 'tfidf', 'encoder']);
    expect(lines(usual.out)[2]?.['metrics']).toEqual(lines(out)[1]?.['metrics']);
  });

  test('what it lacks is said before anything is read', async () => {
    const faq = ['--collection', 'python-faq'];
    expect(await refused(...faq, '--systems', 'encoder')).toContain('The system encoder needs --encoder DIR.');
    expect(await refused(...faq, '--systems', 'hybrid')).toContain('needs --model PATH or --encoder DIR.');
    expect(await refused(...faq, '--encoder', TINY, '--dense', 'trained')).toContain(
      '--dense takes trained, untrained',
    );
    expect(await refused(...faq, '--encoder', at('nowhere'))).toContain('There is no folder');
    const wrong = await refused(...faq, '--encoder', at('sea'), '--systems', 'encoder');
    expect(wrong).toContain('sea: This is no encoder’s folder: there is no config.json and no tokenizer.json');
  });
});

describe('retrievers', () => {
  const metrics = (line: Record<string, unknown> | undefined) => line?.['metrics'] as Record<string, number>;
  beforeAll(async () => {
    const runtime = await openTestRuntime();
    close = () => runtime.gpu.destroy();
    runtime.destroy = () => undefined;
    shared.runtime = runtime;
    await mkdir(at('model'));
    for (const [name, bytes] of Object.entries(await tinyCheckpoint([...SEA_TEXTS, ...SEA_QUERIES])))
      if (bytes) await writeFile(at('model', name), bytes);
    await writeFile(at('sea.txt'), SEA_TEXTS.join('\n\n'));
    const train =
      '--source facts --chunks 4 --chunkTokens 32 --heldOutBatches 1 --warmup 0 --steps 2 --learningRate 0.02'.split(
        ' ',
      );
    const written = ['--export', at('learnt'), '--save', at('learnt.zip')];
    const { code, err } = await run('train', '--model', at('model'), ...train, ...written);
    expect(code, err).toBe(0);
  });

  const ALL = 'bm25,untrained,trained,hybrid,rrf,prf-average,prf-rocchio';

  test('before and after training, alone and with BM25, out of a folder or a zip file of adapters', async () => {
    const model = ['--model', at('model'), '--json', '--max-tokens', '40'];
    const { out } = await evaluate('--collection', at('sea'), '--systems', ALL, ...model, '--adapters', at('learnt'));
    const found = lines(out);
    expect(found.map(({ system }) => system)).toEqual(ALL.split(','));
    for (const line of found) {
      expect(line['queries']).toBe(6);
      expect(Object.values(metrics(line)).every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    expect(found[3]?.['weights']).toHaveLength(5);
    expect(metrics(found[0])['success@1']).toBeGreaterThan(0.6);
    const zipped = await evaluate(
      '--collection',
      at('sea'),
      '--systems',
      'untrained,trained',
      ...model,
      '--adapters',
      at('learnt.zip'),
    );
    expect(lines(zipped.out).map(metrics)).toEqual([metrics(found[1]), metrics(found[2])]);
  });

  test('scores are those that embed gives, with the adapter’s own pooling, depth and centre', async () => {
    const settings = JSON.parse(await readFile(at('learnt/retriever/revela_retriever.json'), 'utf8')) as object;
    expect(settings).toMatchObject({ pooling: 'content', layers: 1, centred: true });
    const trained = [
      '--systems',
      'trained,untrained',
      '--max-tokens',
      '100',
      '--model',
      at('model'),
      '--adapters',
      at('learnt'),
    ];
    await evaluate('--collection', at('sea'), ...trained, '--run', at('trained.trec'));
    const { rankings } = await readRunFile(memorySource('trained.trec', await readFile(at('trained.trec'))));
    const { code, out, err } = await run(
      'embed',
      '--model',
      at('model'),
      '--adapter',
      at('learnt/retriever'),
      '--file',
      at('sea.txt'),
      '--documents',
      'paragraph',
      '--chunkTokens',
      '100',
      '--query',
      SEA_QUERIES[1] ?? '',
      '--top',
      '6',
    );
    expect(code, err).toBe(0);
    const embedded = [...out.matchAll(/^(-?\d\.\d{4}) {2}(\d+) {2}/gm)].map(([, score, index]) => [
      `d${index}`,
      Number(score),
    ]);
    expect(embedded).toHaveLength(6);
    const ours = rankings.get('q1') ?? [];
    expect(ours.map(({ id }) => id)).toEqual(embedded.map(([id]) => id));
    for (const [i, { score }] of ours.entries()) expect(score).toBeCloseTo(Number(embedded[i]?.[1]), 3);
    const before = await readRunFile(memorySource('before', await readFile(at('trained.untrained.trec'))));
    const untrained = new Map((before.rankings.get('q1') ?? []).map(({ id, score }) => [id, score]));
    expect(Math.max(...ours.map(({ id, score }) => Math.abs(score - (untrained.get(id) ?? NaN))))).toBeGreaterThan(
      0.01,
    );
  });

  test('an encoder teaches a run, which goes on without it', async () => {
    const kitchen =
      '--source kitchen --chunks 4 --chunkTokens 32 --heldOutBatches 1 --warmup 0 --learningRate 0.02'.split(' ');
    const objective = ['--objective', 'distillation', '--teacher', 'encoder'];
    const saved = at('taught.run');
    const taught = await run(
      'train',
      ...kitchen,
      ...objective,
      '--encoder',
      TINY,
      '--steps',
      '2',
      '--checkpoint',
      saved,
    );
    expect(taught.code, taught.err).toBe(0);
    expect(taught.err).toContain('tiny: bert');
    const without = await run('train', ...kitchen, ...objective, '--steps', '2');
    expect([without.code, without.err]).toEqual([1, expect.stringContaining('--encoder DIR')]);
    const further = await run('train', '--resume', saved, '--steps', '3', '--encoder', TINY);
    expect(further.code, further.err).toBe(0);
    expect(further.err).toContain('--encoder changes nothing here: the saved run holds what its teacher said');
    const idle = await run('train', ...kitchen, '--steps', '1', '--encoder', at('nowhere'));
    expect(idle.err).toContain('--encoder changes nothing here: no encoder teaches this run');
  });

  test('says what is cut off', async () => {
    const model = ['--model', at('model'), '--max-tokens', '12'];
    const { err } = await evaluate('--collection', at('sea'), ...model, '--systems', 'untrained');
    expect(err).toContain('note: 6 of 6 documents have more than 12 tokens: the retriever reads no further.');
  });
});
