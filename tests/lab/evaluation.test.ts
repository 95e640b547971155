import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { filesUnder } from '../../src/cli/support/nodeFiles.ts';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { pastedText } from '../../src/corpus/given.ts';
import { concatenated } from '../../src/files/formats/safetensors.ts';
import { textFile, zipChunks } from '../../src/files/formats/zipWriter.ts';
import { STOPPED } from '../../src/lab/door/labError.ts';
import type { CollectionSource, SystemRequest } from '../../src/lab/door/evaluationViews.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { EvaluationDesk } from '../../src/lab/desks/evaluation/evaluationDesk.ts';
import type { Encoder, OpenEncoderOptions } from '../../src/encoder/encoder.ts';
import { openRemoteEncoder } from '../../src/encoder/remote/remoteEncoder.ts';
import type { FileLookup } from '../../src/files/formats/byteSource.ts';
import { CollectionError } from '../../src/evaluation/errors.ts';
import { Lab } from '../../src/lab/lab.ts';
import { configure } from '../../src/settings/configuration.ts';
import { TINY as TINY_ENCODER } from '../encoder/folder.ts';
import { inProcessWorker } from '../encoder/inProcess.ts';
import { failureOf } from '../harness/labFailure.ts';
import { jsonRows, qrelsOf, SEA_QUERIES, SEA_TEXTS } from '../harness/smallCollection.ts';

const TINY = { layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, evaluateEvery: 1000, heldOutBatches: 1 };
const FILES = {
  'corpus.jsonl': jsonRows('d', SEA_TEXTS),
  'queries.jsonl': jsonRows('q', SEA_QUERIES),
  'qrels/test.tsv': qrelsOf(SEA_QUERIES),
};
const chosen = (path: string, content: string | Uint8Array<ArrayBuffer>) => ({ path, blob: new Blob([content]) });
const files = (contents: Readonly<Record<string, string>>, more: { split?: string } = {}): CollectionSource => ({
  from: 'files',
  files: Object.entries(contents).map(([path, text]) => chosen(path, text)),
  ...more,
});
const zip = (contents: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> =>
  concatenated([...zipChunks(Object.entries(contents).map(([name, text]) => textFile(name, text)))]);

let events: LabEvent[] = [];
let lab: Lab;
beforeAll(() => {
  lab = new Lab(nodeGpu(), (event) => events.push(event));
});
beforeEach(() => {
  events = [];
});
afterAll(() => lab.close());

const open = (source: CollectionSource) => lab.ask({ type: 'openCollection', source });
const add = (system: SystemRequest) => lab.ask({ type: 'evaluateSystem', system });
const BM25 = { name: 'bm25', k1: 0.9, b: 0.4 } as const;
const rows = async () => (await lab.ask({ type: 'evaluationTable' })).systems;
const textOf = ({ bytes }: { readonly bytes: Uint8Array }): string => new TextDecoder().decode(bytes);

describe('a collection', () => {
  test('that is built in is read, and BM25 has the figures of the reference on it', async () => {
    expect(await open({ from: 'builtIn', id: 'python-faq' })).toMatchObject({
      documents: 175,
      queries: 175,
      id: 'python-faq',
    });
    await add(BM25);
    await add({ name: 'bm25', k1: 1.2, b: 0.75 });
    const [usual, other] = await rows();
    expect([usual?.id, other?.id]).toEqual(['bm25', 'bm25-k1-1.2-b-0.75']);
    expect(usual?.means['ndcg@10']).toBeCloseTo(0.61, 3);
    expect(other?.means['ndcg@10']).toBeCloseTo(0.652, 3);
    const [low, high] = usual?.intervals['ndcg@10'] ?? [];
    expect(low).toBeLessThan(0.61);
    expect(high).toBeGreaterThan(0.61);
    expect(other?.comparison?.difference).toBeCloseTo(0.042, 2);
    // Measured again, it is the same row.
    await add(BM25);
    expect(await rows()).toHaveLength(2);
    const text = await lab.ask({ type: 'trainingText', id: 'python-faq' });
    expect(text.files[0]?.text).toContain('Python');
  });

  test('is taken from a zip file, from a folder and from files, with the judgements that are chosen', async () => {
    const archive = chosen('sea.zip', zip(Object.fromEntries(Object.entries(FILES).map(([k, v]) => [`sea/${k}`, v]))));
    expect(await open({ from: 'files', files: [archive] })).toMatchObject({
      title: 'sea.zip',
      documents: 6,
      queries: 6,
    });
    const folder = Object.fromEntries(Object.entries(FILES).map(([path, text]) => [`sea/${path}`, text]));
    expect(await open(files(folder))).toMatchObject({ title: 'sea', queries: 6 });
    const { 'qrels/test.tsv': _, ...rest } = FILES;
    const trec = { ...rest, 'sea.qrels': 'q0 0 d0 1\nq1 0 d1 1\n' };
    expect(await open(files(trec))).toMatchObject({ title: '3 files', queries: 2 });
    const two = { ...FILES, 'qrels/dev.tsv': 'query-id\tcorpus-id\tscore\nq0\td0\t1\n' };
    expect(await open(files(two, { split: 'dev' }))).toMatchObject({ queries: 1 });
    const failure = await failureOf(open(files(two, { split: 'train' })));
    expect(failure?.message).toContain('There are test and dev: choose one');
  });

  test('that is bad is named by file and line, and the one before stays', async () => {
    await open(files(FILES));
    await add(BM25);
    const bad = { ...FILES, 'corpus.jsonl': `${FILES['corpus.jsonl']}\n{"_id": "d0", "text": "again"}\n{"_id":` };
    const failure = await failureOf(open(files(bad)));
    expect(failure?.kind).toBe('badInput');
    expect(failure?.message).toMatch(/corpus\.jsonl, line 7: the id "d0" is that of line 1\.\n.*line 8: it is no JSON/);
    const unknown = { ...FILES, 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq0\td0\t1\nq77\td0\t1\n' };
    expect((await failureOf(open(files(unknown))))?.message).toContain('line 3: there is no query "q77"');
    const whole = zip(FILES);
    const cut = { from: 'files', files: [chosen('cut.zip', whole.slice(0, whole.length / 2))] } as const;
    expect((await failureOf(open(cut)))?.kind).toBe('badInput');
    const none = { from: 'files', files: [chosen('sea.zip', 'no zip file at all')] } as const;
    expect((await failureOf(open(none)))?.message).toContain('is no zip file');
    expect((await lab.ask({ type: 'evaluationTable' })).collection.title).toBe('3 files');
    expect(await rows()).toHaveLength(1);
  });

  test('is made of a text of one’s own, and says that nobody judged it', async () => {
    const text = pastedText(
      'Sea',
      SEA_TEXTS.map((one, i) => `Number ${i} of all\n\n${one} ${SEA_TEXTS[(i + 1) % 6]}`).join('\n\n---\n\n'),
    );
    const configuration = configure({ source: 'text' });
    const view = await open({ from: 'text', text, title: 'Sea', configuration });
    expect(view).toMatchObject({ title: 'Sea', from: 'text', queries: 6 });
    expect(view.notices.join(' ')).toContain('Nobody has judged this text');
    const short = { from: 'text', text: pastedText('Sea', 'Water.'), title: 'Sea', configuration } as const;
    expect((await failureOf(open(short)))?.kind).toBe('badInput');
  });

  test('is needed for everything else', async () => {
    await lab.ask({ type: 'closeCollection' });
    expect((await failureOf(add(BM25)))?.message).toContain('No labelled collection is open');
    expect((await failureOf(rows()))?.message).toContain('No labelled collection is open');
    expect((await failureOf(open({ from: 'builtIn', id: 'none' })))?.message).toContain('There is no collection none');
  });
});

describe('systems', () => {
  test('are listed query by query, with what they found, and written as TREC has them', async () => {
    await open(files(FILES));
    await add(BM25);
    await add({ name: 'tfidf' });
    const losing = 'q0 Q0 d5 1 2.5 theirs\nq0 Q0 d0 2 1.5 theirs\nq1 Q0 d1 1 1 theirs\nq9 Q0 d1 1 1 theirs\n';
    expect(await lab.ask({ type: 'importRankings', files: [chosen('their run.trec', losing)] })).toEqual({
      ids: ['theirs'],
    });
    const table = await lab.ask({ type: 'evaluationTable', reference: 'bm25', measure: 'mrr@10' });
    const theirs = table.systems.find(({ id }) => id === 'theirs');
    expect(theirs?.means['mrr@10']).toBeCloseTo((0.5 + 1) / 6, 10);
    expect(theirs?.notices.join(' ')).toMatch(/no list for 4 judged queries.*lists for 1 queries that nobody judged/);
    // Five lost, one the same: 2^5 choices of signs, two of them as far, and two systems are compared with BM25.
    expect(theirs?.comparison).toMatchObject({ worse: 5, same: 1, p: (2 * 2) / 32, verdict: 'no difference' });

    const page = { type: 'evaluationQueries', system: 'theirs', reference: 'bm25', measure: 'mrr@10' } as const;
    const losses = await lab.ask({ ...page, filter: 'losses', from: 1, limit: 2 });
    expect(losses.counts).toEqual({ all: 6, losses: 5, wins: 0 });
    expect(losses.rows).toHaveLength(2);
    expect(losses.rows[0]).toMatchObject({ difference: -1, values: [1, 1, 0] });
    const wins = await lab.ask({ ...page, system: 'bm25', reference: 'theirs', filter: 'wins', from: 0, limit: 1 });
    expect(wins.rows[0]?.difference).toBe(1);

    const lists = await lab.ask({ type: 'rankedLists', query: 'q0', systems: ['bm25', 'theirs'], limit: 1 });
    expect(lists.lists[1]).toMatchObject({ system: 'theirs', found: 2, documents: [{ id: 'd5', label: undefined }] });
    expect(lists.lists[0]?.documents[0]).toMatchObject({ id: 'd0', label: 1 });
    expect(lists.lists[0]?.documents[0]?.text.filter(({ isMatch }) => isMatch).map(({ text }) => text)).toEqual([
      'wrote',
      'down',
    ]);
    expect(lists.relevant).toMatchObject([{ id: 'd0', label: 1, ranks: [1, 2] }]);

    // Written and read back, rankings have the same figures to the last digit.
    const run = await lab.ask({ type: 'exportEvaluation', file: { what: 'run', system: 'bm25' } });
    expect(run.name).toBe('3-files.bm25.trec');
    expect(await lab.ask({ type: 'importRankings', files: [chosen(run.name, textOf(run))] })).toEqual({
      ids: ['bm25-2'],
    });
    const [first, , , back] = await rows();
    expect(back?.means).toEqual(first?.means);
    const qrels = await lab.ask({ type: 'exportEvaluation', file: { what: 'qrels' } });
    expect(textOf(qrels)).toContain('q3 0 d3 1\n');
    const queries = await lab.ask({ type: 'exportEvaluation', file: { what: 'queries', system: 'theirs' } });
    expect(textOf(queries).split('\n')[0]).toBe(
      'query\tbm25 ndcg@10\ttfidf ndcg@10\tbm25-2 ndcg@10\ttheirs ndcg@10\tdifference\ttext',
    );
    const all = textOf(await lab.ask({ type: 'exportEvaluation', file: { what: 'systems' } }))
      .trim()
      .split('\n');
    expect(all.map((line) => (JSON.parse(line) as { system: string }).system)).toEqual([
      'bm25',
      'tfidf',
      'theirs',
      'bm25-2',
    ]);

    await lab.ask({ type: 'forgetSystem', id: 'bm25-2' });
    expect(await rows()).toHaveLength(3);
    const gone = lab.ask({ type: 'rankedLists', query: 'q0', systems: ['bm25-2'], limit: 1 });
    expect((await failureOf(gone))?.message).toContain('not in the table any more');
  });

  test('of another collection or with bad lines are refused, and nothing of them is taken', async () => {
    await open(files(FILES));
    const good = chosen('good.trec', 'q0 Q0 d0 1 1 good\n');
    const foreign = lab.ask({ type: 'importRankings', files: [good, chosen('other.trec', 'x Q0 d0 1 1 other\n')] });
    expect((await failureOf(foreign))?.message).toContain('other.trec ranks for no query that is judged here');
    const bad = lab.ask({ type: 'importRankings', files: [good, chosen('bad.trec', 'q0 Q0 d0 1 high bad\n')] });
    expect((await failureOf(bad))?.message).toContain('bad.trec, line 1: the score "high" is no number');
    expect(await rows()).toEqual([]);
  });

  test('of the run are measured between two steps, stay when it goes on, and change no bit of it', async () => {
    const record = async (watched: boolean) => {
      events = [];
      await lab.ask({ type: 'configure', configuration: configure({ ...TINY, chunks: 4 }) });
      if (watched) {
        await open(files(FILES));
        await add(BM25);
        await add({ name: 'untrained' });
        await add({ name: 'run' });
      }
      await lab.ask({ type: 'train', steps: 1 });
      if (watched) {
        // While it trains: it waits for a step to end, and the run goes on.
        const training = lab.ask({ type: 'train', steps: 2 });
        await add({ name: 'run' });
        await training;
        for (const name of ['hybrid', 'prf-average', 'prf-rocchio'] as const)
          await add({ name, of: 'run', k1: 0.9, b: 0.4 });
      } else await lab.ask({ type: 'train', steps: 2 });
      return events
        .filter((event) => event.type === 'step')
        .map(({ record: one }) => [one.metrics.loss, one.similarity]);
    };
    const plain = await record(false);
    expect(plain).toHaveLength(3);
    expect(await record(true)).toEqual(plain);
    const found = await rows();
    const ids = found.map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual(['bm25', 'untrained', 'step-0']);
    const between = ids[3] ?? '';
    expect(between).toMatch(/^step-[123]$/);
    expect(ids.filter((id) => id.includes('-step-3'))).toEqual([
      'hybrid-step-3',
      'prf-average-step-3',
      'prf-rocchio-step-3',
    ]);
    const by = new Map(found.map((one) => [one.id, one]));
    // Before the first step both are the same retriever.
    expect(by.get('step-0')?.means).toEqual(by.get('untrained')?.means);
    expect(by.get('step-0')?.words).toBe('Revela after 0 steps on Facts, small model from scratch (seed 0)');
    expect(by.get('step-0')?.notices.join(' ')).toMatch(
      /% of the words here are not in the text .* one unknown word to it/,
    );
    // Another run's rows stand beside those of the one before.
    await lab.ask({ type: 'configure', configuration: configure({ ...TINY, chunks: 4, seed: 1 }) });
    await add({ name: 'run' });
    expect((await rows()).at(-1)?.id).toBe('run2-step-0');
  });

  test('of a pretrained encoder are measured beside the run, alone and with BM25', async () => {
    const signs = (text: string): number[] => [...'slfw'].map((letter) => text.split(letter).length - 1 + 0.01);
    const encoder: Encoder = {
      name: 'letters small',
      card: { kind: 'bert', weights: { dtype: 'q8' }, width: 4 } as unknown as Encoder['card'],
      maxTokens: 8,
      dimensions: 4,
      embed: (_role, texts) =>
        Promise.resolve(
          Float32Array.from(texts.flatMap((text) => signs(text).map((value) => value / Math.hypot(...signs(text))))),
        ),
      countLonger: () => Promise.resolve(2),
      close: () => Promise.resolve(),
    };
    const desk = new EvaluationDesk(() => encoder);
    const request = { signal: new AbortController().signal, onProgress: () => undefined };
    const never = () => Promise.reject(new Error('No run is needed.'));
    await desk.open({ type: 'openCollection', source: files(FILES) }, request);
    const measured = (system: SystemRequest) => desk.evaluate({ type: 'evaluateSystem', system }, request, never);
    expect(await measured({ name: 'encoder' })).toEqual({ id: 'letters-small' });
    expect(await measured({ name: 'rrf', of: 'encoder', k1: 0.9, b: 0.4 })).toEqual({ id: 'rrf-letters-small' });
    const [alone] = (await desk.table({ type: 'evaluationTable' }, request.signal)).systems;
    expect(alone).toMatchObject({
      step: undefined,
      words: expect.stringContaining('letters small, pretrained encoder') as string,
    });
    expect(alone?.notices).toEqual(['2 of 6 documents have more than 8 tokens: it reads no further.']);
    const none = new EvaluationDesk(() => {
      throw new CollectionError('No encoder is open.');
    });
    await none.open({ type: 'openCollection', source: files(FILES) }, request);
    await expect(
      none.evaluate({ type: 'evaluateSystem', system: { name: 'encoder' } }, request, never),
    ).rejects.toThrow('No encoder');
  });

  test('of the run are a curve while it trains, where its settings say how often', async () => {
    const curve = async (collectionEvery: number) => {
      await lab.ask({ type: 'configure', configuration: configure({ ...TINY, chunks: 4, collectionEvery }) });
      events = [];
      await lab.ask({ type: 'train', steps: 3 });
      return events.filter((event) => event.type === 'collection');
    };
    await open(files(FILES));
    const [before, after, ...more] = await curve(2);
    expect(more).toEqual([]);
    expect([before?.scores.step, after?.scores.step]).toEqual([0, 2]);
    expect(before?.of).toMatchObject({
      title: '3 files',
      documents: 6,
      queries: 6,
      beside: { bm25: { 'ndcg@10': 1 } },
    });
    // The same figures as those of the row.
    await lab.ask({ type: 'configure', configuration: configure({ ...TINY, chunks: 4 }) });
    await add({ name: 'run' });
    expect((await rows())[0]?.means).toMatchObject(before?.scores.means ?? {});
    expect(await curve(0)).toEqual([]);
    await lab.ask({ type: 'closeCollection' });
    expect(await curve(2)).toEqual([]);
  });

  test('of an encoder that was measured stand beside the curve of a run, those of what is made of it do not', async () => {
    const openEncoder = (lookup: FileLookup, options: OpenEncoderOptions) =>
      openRemoteEncoder(inProcessWorker, lookup, options);
    const told: LabEvent[] = [];
    const own = new Lab(nodeGpu(), (event) => told.push(event), { openEncoder });
    try {
      const names = await filesUnder(TINY_ENCODER);
      const folder = await Promise.all(
        names.map(async (name) => chosen(`tiny/${name}`, new Uint8Array(await readFile(join(TINY_ENCODER, name))))),
      );
      await own.ask({ type: 'openEncoder', source: { from: 'files', name: 'owner/tiny', files: folder } });
      await own.ask({ type: 'openCollection', source: files(FILES) });
      for (const system of [{ name: 'encoder' }, { name: 'rrf', of: 'encoder', k1: 0.9, b: 0.4 }] as const)
        await own.ask({ type: 'evaluateSystem', system });
      const { systems } = await own.ask({ type: 'evaluationTable' });
      await own.ask({ type: 'configure', configuration: configure({ ...TINY, chunks: 4, collectionEvery: 1 }) });
      await own.ask({ type: 'train', steps: 1 });
      const [scored] = told.filter((event) => event.type === 'collection');
      expect(Object.keys(scored?.of.beside ?? {})).toEqual(['bm25', 'owner/tiny']);
      expect(systems[0]?.means).toMatchObject(scored?.of.beside['owner/tiny'] ?? {});
    } finally {
      await own.close();
    }
  });

  test('are stopped between two texts, and leave no row', async () => {
    await open(files(FILES));
    const control = new AbortController();
    const stopped = lab.ask(
      { type: 'evaluateSystem', system: { name: 'run' } },
      { signal: control.signal, onProgress: () => control.abort() },
    );
    expect(await failureOf(stopped)).toEqual(STOPPED);
    expect(await rows()).toEqual([]);
    await add({ name: 'run' });
    expect(await rows()).toHaveLength(1);
  });
});
