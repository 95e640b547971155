import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lines, run } from './run.ts';

const TINY = [
  ...['--chunks', '4', '--layers', '1', '--width', '16', '--heads', '2', '--kvHeads', '1', '--mlpWidth', '16'],
  ...['--heldOutBatches', '1', '--evaluateEvery', '100'],
];
const FACTS = ['Brannet comes from the city of Ostrava.', 'The favourite drink of Brannet is tea.'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-collection-'));
  await mkdir(join(folder, 'asked/qrels'), { recursive: true });
  const jsonl = (prefix: string) => FACTS.map((text, i) => JSON.stringify({ _id: `${prefix}${i}`, text })).join('\n');
  await writeFile(join(folder, 'asked/corpus.jsonl'), jsonl('d'));
  await writeFile(join(folder, 'asked/queries.jsonl'), jsonl('q'));
  await writeFile(join(folder, 'asked/qrels/test.tsv'), 'query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td1\t1\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a run is scored on a collection while it trains, beside BM25', async () => {
  const collection = ['--collection', join(folder, 'asked'), '--collectionEvery', '2'];
  const { code, out } = await run('train', '--steps', '3', ...TINY, ...collection, '--json');
  expect(code).toBe(0);
  const scored = lines(out).filter((line) => 'collection' in line);
  expect(scored.map(({ step }) => step)).toEqual([0, 2, 3]);
  expect(scored[0]?.['collection']).toMatchObject({ title: 'asked', beside: { bm25: { 'ndcg@10': 1 } } });
  const { 'ndcg@10': ndcg } = scored[2]?.['collection'] as Record<string, number>;
  expect(ndcg).toBeGreaterThan(0.5);
  expect(ndcg).toBeLessThanOrEqual(1);
});

test('flags that have nothing to go with, and a collection that is not there, are refused', async () => {
  expect((await run('train', ...TINY, '--collectionEvery', '5')).err).toContain(
    '--collectionEvery goes with --collection',
  );
  expect((await run('train', ...TINY, '--split', 'dev')).err).toContain('--split goes with --collection');
  const { code, err } = await run('train', ...TINY, '--collection', join(folder, 'nothing'));
  expect([code, err]).toEqual([1, expect.stringContaining('There is no folder or file')]);
});
