import { describe, expect, it } from 'vitest';
import { OBJECTIVE_TABLES } from '../../src/objectives/tables.ts';
import { History } from '../../src/ui/state/history/history.ts';
import { PROBE_BATCH, probeRecord, record, REVELA, type RecordOptions } from './records.ts';
import { lastAtOrBefore, roundUp, spread, thin } from '../../src/ui/panels/charts/geometry.ts';
import { alternativeText, valueAt } from '../../src/ui/panels/charts/series.ts';
import { runCharts } from '../../src/ui/panels/charts/runCharts.ts';
import { verticalScale, verticalTicks } from '../../src/ui/panels/charts/verticalScale.ts';

describe('thin', () => {
  it('leaves short lines as they are', () => {
    expect(thin([1, 2, 3], [4, 5, 6], 10)).toEqual([
      { x: 1, y: 4 },
      { x: 2, y: 5 },
      { x: 3, y: 6 },
    ]);
  });

  it('averages long ones into the slots there are, and ends at the last step', () => {
    const steps = Array.from({ length: 1000 }, (_, i) => i + 1);
    const points = thin(steps, steps, 100);
    expect(points).toHaveLength(100);
    expect(points[0]).toEqual({ x: 5.5, y: 5.5 });
    expect(points.at(-1)?.x).toBe(1000);
  });

  it('leaves out steps without a value', () => {
    expect(thin([1, 2, 3, 4], [NaN, 1, Infinity, 3], 2)).toEqual([
      { x: 2, y: 1 },
      { x: 4, y: 3 },
    ]);
  });
});

describe('roundUp', () => {
  it.each([
    [0, 1],
    [0.9, 1],
    [1.01, 1.5],
    [21, 30],
    [500, 500],
    [501, 750],
    [0.012, 0.015],
  ])('%d → %d', (value, rounded) => {
    expect(roundUp(value)).toBeCloseTo(rounded, 12);
  });
});

describe('spread', () => {
  it('moves labels apart, keeps their order and stays inside', () => {
    const placed = spread([50, 10, 51, 52], 14, 0, 80);
    const sorted = [...placed].sort((a, b) => a - b);
    expect(placed.map((y) => sorted.indexOf(y))).toEqual([1, 0, 2, 3]);
    expect(sorted.slice(1).every((y, i) => y - (sorted[i] ?? 0) >= 14)).toBe(true);
    expect(sorted.at(-1)).toBeLessThanOrEqual(80);
  });

  it('does not move labels that have room', () => {
    expect(spread([60, 10], 14, 0, 80)).toEqual([60, 10]);
  });
});

describe('values', () => {
  it('are those of the last point at or before a step', () => {
    expect([0, 10, 14, 20, 99].map((step) => lastAtOrBefore([10, 20], step))).toEqual([-1, 0, 0, 1, 1]);
    expect(valueAt({ label: '', tone: 'strong', xs: [10], ys: [0.5] }, 9)).toBeNaN();
  });

  it('are said in words', () => {
    const series = [{ label: 'alone', tone: 'alone' as const, xs: [1, 2], ys: [3, 4] }];
    const text = alternativeText('Loss', 'nats', series, [{ label: 'chance', value: 0.5 }], 2, String);
    expect(text).toBe('Loss (nats) at 2: alone 4, chance 0.5');
  });
});

describe('verticalScale', () => {
  it('goes below zero where values do', () => {
    expect(verticalScale([-1.3, 1.2], 100, 0, {}).domain()).toEqual([-1.5, 1.5]);
  });

  it('runs from zero to a round number, or as told', () => {
    expect(verticalScale([3, 21], 100, 0, {}).domain()).toEqual([0, 30]);
    expect(verticalScale([3, 21], 100, 0, { domain: [0, 1] }).domain()).toEqual([0, 1]);
    expect(verticalScale([], 100, 0, {}).domain()).toEqual([0, 1]);
  });

  it('lets a steep beginning leave the top when cropped', () => {
    const values = Array.from({ length: 100 }, (_, i) => (i < 5 ? 5 : 1.3));
    expect(verticalScale(values, 100, 0, { cropped: true }).domain()).toEqual([0, 1.5]);
  });

  it('has powers of ten on a logarithmic axis, and bears zeros', () => {
    const scale = verticalScale([0, 0.004, 0.7], 100, 0, { logarithmic: true });
    expect(scale.domain()).toEqual([0.001, 1]);
    expect(verticalTicks(scale, true, false)).toEqual([0.001, 0.01, 0.1, 1]);
    expect(scale(0)).toBe(100);
  });
});

describe('charts of the batch that stays the same', () => {
  const probed = (changes: RecordOptions = {}): History => {
    const history = new History(REVELA);
    for (const step of [1, 2, 3, 4]) history.add(record(step));
    for (const step of [0, 4])
      history.addProbe('heldOut', PROBE_BATCH, probeRecord(step, { ...changes, ntpLoss: 1.3 - step }));
    return history;
  };
  const titled = (history: History, title: string) =>
    runCharts({ history, chunks: 4, step: history.lastStep }).find((one) => one.title === title);

  it('show where attention goes beside chance; wording only where it is known', () => {
    const shares = titled(probed(), 'Attention on the same …');
    expect(shares?.series.map(({ label, xs, ys }) => [label, Array.from(xs), Array.from(ys)])).toEqual([
      ['document', [0, 4], [0.2, 0.2]],
    ]);
    expect(shares?.references?.map(({ label, value }) => [label, value])).toEqual([['document by chance', 1 / 3]]);
    const known = titled(probed({ wordingShare: 0.6, wordingShareByChance: 0.3 }), 'Attention on the same …');
    expect(known?.series.map(({ label }) => label)).toEqual(['document', 'wording']);
    expect(known?.references?.map(({ value }) => value)).toEqual([1 / 3, 0.3]);
  });

  it('set the difference that teaches beside what is gained', () => {
    const both = titled(probed(), 'What teaches, what is gained');
    const [contrast, gain] = both?.series ?? [];
    expect(Array.from(contrast?.ys ?? [])).toEqual([0.05, 0.05]);
    expect(Array.from(gain?.ys ?? [], (one) => one.toFixed(6))).toEqual(['0.000000', '4.000000']);
  });

  it('do not measure what a step reads by how many chunks they have', () => {
    const history = probed();
    const pair = { chunks: PROBE_BATCH.chunks.slice(0, 2) };
    history.addProbe('heldOut', pair, probeRecord(4));
    const read = runCharts({ history, chunks: 8, step: 4 }).find(({ title }) => title === 'Read per row');
    expect([read?.unit, read?.domain]).toEqual(['of 3', [0, 3]]);
    const before = runCharts({ history: new History(REVELA), chunks: 8, step: 0 });
    expect(before.find(({ title }) => title === 'Read per row')?.unit).toBe('of 7');
  });

  it('are left out of runs that have no such batch, once there is anything to draw', () => {
    const older = new History(REVELA);
    expect(titled(older, 'Attention on the same …')?.series).toHaveLength(2);
    older.add(record(1));
    expect(titled(older, 'Attention on the same …')).toBeUndefined();
    expect(titled(older, 'Loss')).toBeDefined();
  });
});

describe.each(Object.values(OBJECTIVE_TABLES))('charts of $title', (table) => {
  it.each([undefined, 'heldOut', 'training'] as const)('name every line of a chart apart, scored on %s', (of) => {
    const history = new History(table);
    if (of) history.addEvaluation({ step: 0, of });
    const charts = runCharts({ history, chunks: 8, step: 0 });
    expect(new Set(charts.map(({ title }) => title)).size).toBe(charts.length);
    for (const { title, series, references = [] } of charts)
      for (const labels of [series.map(({ label }) => label), references.map(({ label }) => label)])
        expect(new Set(labels).size, `${title}: ${labels.join(', ')}`).toBe(labels.length);
  });
});
