import { expect, test } from 'vitest';
import type { CollectionCurve } from '../../src/run/record.ts';
import { runCharts } from '../../src/ui/panels/charts/runCharts.ts';
import { metricsCsv, metricsJson } from '../../src/ui/panels/exports/metricsTable.ts';
import { continued } from '../../src/ui/panels/runs/records/continued.ts';
import { readRun, writeRun } from '../../src/ui/panels/runs/records/runFile.ts';
import { History } from '../../src/ui/state/history/history.ts';
import { inventedRun } from '../browser/support/inventedRun.ts';

const OF = { title: 'Python FAQ', documents: 175, queries: 175, beside: { bm25: { 'ndcg@10': 0.61 } } };
const at = (step: number, value: number) => ({ step, means: { 'ndcg@10': value } });
const CURVE: CollectionCurve = { ...OF, scores: [at(0, 0.1), at(2, 0.2), at(4, 0.3)] };
const run = { ...inventedRun(4), collection: CURVE };
const titled = (history: History) =>
  runCharts({ history, chunks: 8, step: 4 }).find(({ title }) => title === 'nDCG@10 on Python FAQ');

test('scores on a collection are a chart beside BM25 and the untrained retriever', () => {
  expect(titled(History.from(run))).toMatchObject({
    domain: [0, 1],
    fullUnit: 'mean over 175 queries',
    series: [{ xs: [0, 2, 4], ys: [0.1, 0.2, 0.3] }],
    references: [
      { label: 'BM25', value: 0.61 },
      { label: 'untrained', value: 0.1 },
    ],
  });
  expect(titled(History.from(inventedRun(4)))).toBeUndefined();
});

test('a history takes them as they come: a step scored again has its last, another collection begins anew', () => {
  const history = History.from(run);
  history.addCollectionScores(OF, at(4, 0.35));
  history.addCollectionScores(OF, at(6, 0.4));
  expect(history.collection?.scores).toEqual([at(0, 0.1), at(2, 0.2), at(4, 0.35), at(6, 0.4)]);
  history.addCollectionScores({ ...OF, title: 'Another' }, at(8, 0.9));
  expect(history.collection).toMatchObject({ title: 'Another', scores: [at(8, 0.9)] });
});

test('what was measured beside it meanwhile is a line too, and stays one', () => {
  const history = History.from(run);
  history.addCollectionScores({ ...OF, beside: { 'owner/all-MiniLM-L6-v2': { 'ndcg@10': 0.9 } } }, at(4, 0.35));
  history.addCollectionScores(OF, at(6, 0.4));
  expect(titled(history)?.references).toMatchObject([
    { label: 'BM25', value: 0.61 },
    { label: 'all-MiniLM-L6-v2', short: 'all-MiniLM-L…', value: 0.9 },
    { label: 'untrained', value: 0.1 },
  ]);
});

test('they are in exported numbers, in files of runs, and in a run that goes on', () => {
  const history = History.from(run);
  const [header = '', ...rows] = metricsCsv(history).split('\r\n');
  expect(header.split(',').at(-1)).toBe('ndcg@10 on Python FAQ');
  expect(rows.map((row) => row.split(',').at(-1))).toEqual(['0.1', '', '0.2', '', '0.3', '']);
  expect(JSON.parse(metricsJson(history, run.configuration))).toMatchObject({ collection: CURVE });
  expect(readRun(writeRun(run), 'a.json').collection).toEqual(CURVE);
  const bad = (collection: unknown) => () => readRun(JSON.stringify({ ...run, collection }), 'a.json');
  expect(bad({ ...CURVE, scores: [at(2, 0.2), at(0, 0.1)] })).toThrow(/collection\.scores\[1\] is not of a later step/);
  expect(bad({ ...CURVE, scores: [at(9, 0.2)] })).toThrow(/collection\.scores/);
  expect(bad({ ...CURVE, scores: [at(1, 7)] })).toThrow(/collection\.scores\[0\]\.means/);
  expect(bad({ ...CURVE, scores: [{ step: 1, means: { '=1\u202e': 0.5 } }] })).toThrow(
    'collection.scores[0].means.=1 is named by no measure',
  );
  const marked = { ...CURVE, beside: { 'bm\u202e25': { 'ndcg@10': 0.61 } } };
  expect(readRun(JSON.stringify({ ...run, collection: marked }), 'a.json').collection).toEqual(CURVE);
  expect(continued(run, { ...run, collection: { ...CURVE, scores: [at(4, 0.3)] } }, 2)?.collection?.scores).toEqual([
    at(0, 0.1),
    at(2, 0.2),
  ]);
});
