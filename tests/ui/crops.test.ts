import { describe, expect, it } from 'vitest';
import { configure } from '../../src/settings/configuration.ts';
import { matrixOf, metricOf, type RunRecord } from '../../src/run/record.ts';
import { runCharts } from '../../src/ui/panels/charts/runCharts.ts';
import { chartsPicture } from '../../src/ui/panels/exports/chartPicture.ts';
import { matrixPicture } from '../../src/ui/panels/exports/matrixPicture.ts';
import { metricsCsv, metricsJson } from '../../src/ui/panels/exports/metricsTable.ts';
import { cellWords } from '../../src/ui/panels/matrix/cell.ts';
import { matrixTable } from '../../src/ui/panels/matrix/inWords.ts';
import { comparedCharts } from '../../src/ui/panels/runs/compare/comparison.ts';
import { readRun, writeRun } from '../../src/ui/panels/runs/records/runFile.ts';
import { restoreRun } from '../../src/ui/panels/runs/records/storedRun.ts';
import { summaryOf } from '../../src/ui/panels/runs/records/summary.ts';
import { takeHomeWords } from '../../src/ui/panels/takeHome/words.ts';
import { matrixName, matrixNamed } from '../../src/ui/state/display.ts';
import { describeChange, largestChanges, shapeOf } from '../../src/ui/state/history/changes.ts';
import { History } from '../../src/ui/state/history/history.ts';
import { columnKeys } from '../../src/ui/state/history/metricTable.ts';
import { describe as sentence } from '../../src/ui/state/sentences/sentence.ts';
import { cropRecord, finds, INFO_NCE, record, REVELA, runOf, uniform, endOf } from './records.ts';

const PLACES = [0, 1, 2, 3];
const CROPS = { objective: 'infoNce' };
const scores = (step: number) => ({
  step,
  recallAt1: 0.5,
  chance: 1 / 3,
  tfidfRecallAt1: 1,
  infoNceLoss: 1.2,
  cropAccuracy: 0.4,
});
const run: RunRecord = {
  ...runOf([cropRecord(1), cropRecord(2, { infoNceLoss: 0.9, attention: finds([0, 1, 3, 3]) })], CROPS),
  evaluations: [scores(0), scores(2)],
};

describe('the history of a run on crops', () => {
  it('has the numbers of its objective, and none of another', () => {
    const history = History.from(run);
    expect(history.metrics()).toEqual(run.metrics);
    expect(Array.from(history.column('infoNceLoss'))).toEqual([1.4, 0.9]);
    expect(history.column('ntpLoss')).toHaveLength(0);
    expect(history.value('ntpLoss', 2)).toBeNaN();
  });

  it('keeps the pictures of its extremes', () => {
    const history = new History(INFO_NCE);
    for (let step = 1; step <= 2000; step++) {
      const cropAccuracy = step === 777 ? 1 : step === 1333 ? 0 : 0.25;
      history.add(cropRecord(step, { cropAccuracy, infoNceLoss: step === 1501 ? 9 : 1 }));
    }
    const kept = history.snapshots.map(({ metrics }) => metrics.step);
    expect(kept).toEqual(expect.arrayContaining([1, 777, 1333, 1501, 2000]));
  });

  it('is summed up by its loss and its recall', () => {
    const summary = summaryOf({ ...run, id: 'a', createdAt: 0, history: History.from(run) });
    expect(summary).toMatchObject({ headline: 0.9, score: 0.5 });
  });
});

describe('files of a run on crops', () => {
  it('come back as they were', () => {
    const back = readRun(writeRun(run), 'a.json');
    expect(JSON.parse(writeRun(back))).toEqual(JSON.parse(writeRun(run)));
    expect(back.configuration.objective).toBe('infoNce');
    expect(back.evaluations[1]?.cropAccuracy).toBe(0.4);
    expect(matrixOf(back.snapshots[1]!, 'attention')).toEqual(finds([0, 1, 3, 3]));
    expect(back.snapshots[1]).not.toHaveProperty('tokenLoss');
  });

  it.each([
    [{ infoNceLoss: undefined }, /metrics\[0\]\.infoNceLoss is missing/],
    [{ cropAccuracy: 2 }, /metrics\[0\]\.cropAccuracy is 2, outside 0 to 1/],
  ])('are refused with %j', (change, message) => {
    const [first, ...others] = run.metrics;
    const damaged = JSON.stringify({ ...run, metrics: [{ ...first, ...change }, ...others] });
    expect(() => readRun(damaged, 'a.json')).toThrow(message);
  });

  it('are refused with the numbers of another objective', () => {
    const other = JSON.stringify({ ...runOf([record(1)]), configuration: configure(CROPS) });
    expect(() => readRun(other, 'a.json')).toThrow(/infoNceLoss/);
  });

  it('without an objective are of Revela, as all were before there was a choice', () => {
    const older = JSON.parse(writeRun(runOf([record(1), record(2)]))) as { configuration: Record<string, unknown> };
    delete older.configuration['objective'];
    delete older.configuration['infoNceTemperature'];
    const back = readRun(JSON.stringify(older), 'a.json');
    expect(back.configuration.objective).toBe('revela');
    expect(History.from(older as unknown as RunRecord).table).toBe(REVELA);
  });

  it('are restored from storage', () => {
    const history = History.from(run);
    const columns = Object.fromEntries(columnKeys(INFO_NCE).map((key) => [key, history.column(key)]));
    const { name, configuration, corpus, adapter, evaluations } = run;
    const pictures = run.snapshots.map((one) => ({ run: 'a', step: one.metrics.step, record: one }));
    const back = restoreRun({ name, configuration }, { corpus, adapter, columns, evaluations }, pictures);
    expect(back).toEqual(run);
  });
});

describe('numbers of a run on crops', () => {
  const history = History.from(run);

  it('are columns with their units', () => {
    const [header = '', ...rows] = metricsCsv(history).trimEnd().split('\r\n');
    const names = header.split(',');
    expect(names.slice(0, 4)).toEqual([
      'step',
      'loss trained (nats/row)',
      'InfoNCE loss (nats/row)',
      'crops matched (share)',
    ]);
    expect(names.slice(-7)).toEqual([
      'held-out recall@1 (share)',
      'held-out recall@1 by chance (share)',
      'held-out recall@1 of TF-IDF (share)',
      'held-out InfoNCE loss (nats/row)',
      'held-out crops matched (share)',
      'held-out recall@1 of BM25 (share)',
      'held-out recall@1 of the untrained retriever (share)',
    ]);
    expect(header).not.toMatch(/context|documents read|alone/);
    expect(rows.map((row) => row.split(',')[2])).toEqual(['', '1.4', '0.9']);
    const { units } = JSON.parse(metricsJson(history, run.configuration)) as { units: Record<string, string> };
    expect(units['infoNceLoss']).toBe('InfoNCE loss (nats/row)');
  });

  it('are charts of their own, without the gradient of a language model that is not there', () => {
    const charts = runCharts({ history, chunks: 4, step: 2 });
    expect(charts.map(({ title }) => title)).toEqual([
      'Loss',
      'Recall@1',
      'Crops matched',
      'Gradient norm',
      'Step time',
      'Throughput',
    ]);
    const lines = charts.map(({ series }) => series.map(({ label }) => label));
    expect(lines.slice(0, 4)).toEqual([['InfoNCE'], ['crops', 'held-out'], ['matched'], ['retriever']]);
    expect(charts[0]?.filled).toBe(false);
    const svg = chartsPicture(history, 4, '');
    expect(svg).toContain('>Crops matched<');
    expect(svg).not.toMatch(/NaN|undefined|LM/);
  });

  it('stand in charts beside those of another objective only where both have them', () => {
    const other = History.from(runOf([record(1), record(2)]));
    const charts = comparedCharts([REVELA, INFO_NCE]);
    const titles = charts.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
    expect(titles.slice(0, 2)).toEqual(['Loss with context', 'Loss alone']);
    expect(titles.indexOf('InfoNCE loss')).toBeLessThan(titles.indexOf('Step time'));
    const points = (title: string) =>
      [other, history].map((one) => charts.find((chart) => chart.title === title)?.of(one).xs.length);
    expect(points('Loss with context')).toEqual([2, 0]);
    expect(points('InfoNCE loss')).toEqual([0, 2]);
    expect(points('Recall@1, batch')).toEqual([2, 0]);
    expect(points('Recall@1, scored batches')).toEqual([0, 2]);
    expect(points('Step time')).toEqual([2, 2]);
  });
});

describe('the matrix of crops', () => {
  const picture = cropRecord(7, { attention: finds([0, 1, 0, 3]) });
  const probability = matrixNamed(INFO_NCE, 'A');

  it('is that of probabilities, also where A was chosen', () => {
    expect(matrixName(probability)).toBe('Probability P');
    expect(matrixName(matrixNamed(INFO_NCE, 'S'))).toBe('Similarity S');
  });

  it('has its right answers on the diagonal', () => {
    const { rows } = matrixTable({
      picture,
      places: PLACES,
      matrix: probability,
      pairs: INFO_NCE.pairs,
      moment: 'step 1',
    });
    expect(rows).toEqual([
      ['1', '1', '0.70', 'itself'],
      ['2', '2', '0.70', 'itself'],
      ['3', '1', '0.70', 'yes'],
      ['4', '4', '0.70', 'itself'],
    ]);
    expect(cellWords(INFO_NCE, picture, PLACES, { row: 1, column: 1 })).toBe(
      'Query crop 2 meets passage crop 2, the right answer: P 0.70, S 0.50.',
    );
    expect(cellWords(INFO_NCE, picture, PLACES, { row: 2, column: 0 })).toBe(
      'Query crop 3 meets passage crop 1: P 0.70, S 0.50, same document.',
    );
    expect(cellWords(REVELA, record(7), PLACES, { row: 1, column: 1 })).toBe('Chunk 2: no chunk reads itself.');
  });

  it('is drawn with its diagonal, and nobody reads', () => {
    const drawn = (of: typeof INFO_NCE) =>
      matrixPicture(
        picture,
        { matrix: matrixNamed(of, undefined), pairs: of.pairs, order: 'batch', moment: 'step 1' },
        '',
      );
    const slashes = (svg: string): number => svg.match(/stroke-opacity="0\.5"\/>/g)?.length ?? 0;
    expect([drawn(REVELA), drawn(INFO_NCE)].map(slashes)).toEqual([4, 0]);
    expect(drawn(INFO_NCE)).toContain('Probability P = softmax(S / τ), step 1');
    expect(drawn(INFO_NCE)).not.toContain('read');
  });

  it('changes by what goes to the right crop', () => {
    const snapshots = Array.from({ length: 40 }, (_, i) =>
      cropRecord(10 * (i + 1), i < 20 ? {} : { attention: finds(PLACES) }),
    );
    expect(shapeOf(snapshots[39]!, INFO_NCE).right).toBeCloseTo(0.7);
    expect(largestChanges(snapshots, INFO_NCE).map((change) => describeChange(change, INFO_NCE))).toEqual([
      'Around 210: probability on the right crop 0.25 → 0.70, crops in question per row 4.00 → 2.56.',
    ]);
  });
});

describe('the sentence of a run on crops', () => {
  const said = (history: History, isMoving = false): string => {
    const { configuration } = run;
    const { text, stuck } = sentence({ configuration, ...endOf(history), isMoving, order: PLACES });
    expect(stuck).toBe(false);
    return text;
  };

  it('counts the crops that are matched, beside chance, and gives the held-out recall', () => {
    expect(said(History.from(run))).toBe(
      '3 of 4 query crops are nearest to the other crop of their chunk; by chance 1 of 4. ' +
        'On held-out text recall@1 is 0.50, by chance 0.33.',
    );
  });

  it('tells of the last steps together while the picture moves', () => {
    expect(said(History.from(run), true)).toMatch(
      /^In the last 2 steps crops matched: 0\.\d\d on average\. On held-out text recall@1/,
    );
  });

  it('says nothing of recall that was not measured, or long ago', () => {
    const early = { ...run, evaluations: [scores(0)] };
    const history = History.from({ ...early, metrics: [cropRecord(90).metrics], snapshots: [cropRecord(90)] });
    expect(said(history)).toMatch(/by chance 1 of 4\.$/);
  });

  it('says when no chunk has a partner', () => {
    const alone = cropRecord(5, { attention: uniform(4) });
    const chunks = alone.batch.chunks.map((chunk, document) => ({ ...chunk, document }));
    const history = new History(INFO_NCE);
    history.add({ ...alone, batch: { chunks } });
    expect(said(history)).toContain('recall cannot be measured');
  });
});

it('a retriever alone is taken home alone', () => {
  for (const trained of ['full', 'lora']) {
    const { about, python } = takeHomeWords(configure({ ...CROPS, trained }));
    expect(`${about} ${python}`).not.toMatch(/CausalLM|language-model|[Bb]oth/);
    expect(python).toContain('"retriever"');
  }
  expect(metricOf(cropRecord(1).metrics, 'languageModelGradientNorm')).toBe(0);
});
