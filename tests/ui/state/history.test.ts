import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { History, MAXIMUM_SNAPSHOTS } from '../../../src/ui/state/history/history.ts';
import { MAXIMUM_ROWS } from '../../../src/ui/state/history/metricTable.ts';
import { MAXIMUM_PICTURE_BYTES } from '../../../src/ui/state/history/pictures.ts';
import { recordBytes } from '../../../src/ui/state/history/recordBytes.ts';
import { largestRecord, metrics, record, REVELA, runOf } from '../records.ts';

function historyOf(steps: number): History {
  const history = new History(REVELA);
  for (let step = 1; step <= steps; step++) history.add(record(step, { ntpLoss: step / 10 }));
  return history;
}

describe('History', () => {
  it('keeps the numbers of every step', () => {
    const history = historyOf(3000);
    expect(history.length).toBe(3000);
    expect(history.column('ntpLoss')).toHaveLength(3000);
    expect(history.value('ntpLoss', 1234)).toBeCloseTo(123.4);
    expect([history.firstStep, history.lastStep]).toEqual([1, 3000]);
  });

  it.each([1, 199, 200, 201, 500, 5000])('thins the pictures of %i steps evenly and keeps the ends', (steps) => {
    const kept = historyOf(steps).snapshots.map(({ metrics }) => metrics.step);
    expect(kept.length).toBeLessThanOrEqual(MAXIMUM_SNAPSHOTS + 6);
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(steps, MAXIMUM_SNAPSHOTS / 2));
    expect([kept[0], kept.at(-1)]).toEqual([1, steps]);
    const gaps = kept.slice(2, -1).map((step, i) => step - (kept[i + 1] ?? 0));
    expect(new Set(gaps).size).toBeLessThanOrEqual(1);
  });

  it('keeps the pictures of the extremes, wherever they fall', () => {
    const history = new History(REVELA);
    for (let step = 1; step <= 3000; step++) {
      const spike = step === 1501 ? 9 : step === 2003 ? 0.01 : 1;
      const reads = step === 777 ? 1.001 : step === 1333 ? 6.9 : 3;
      const gradient = step === 2999 ? 50 : 0.1;
      history.add(record(step, { ntpLoss: spike, effectiveDocuments: reads, retrieverGradientNorm: gradient }));
    }
    const kept = history.snapshots.map(({ metrics }) => metrics.step);
    expect(kept).toEqual(expect.arrayContaining([1, 777, 1333, 1501, 2003, 2999, 3000]));
    expect([...kept].sort((a, b) => a - b)).toEqual(kept);
    expect(new Set(kept).size).toBe(kept.length);
  });

  it('holds a bound in bytes for the largest batches there are', () => {
    const history = new History(REVELA);
    const large = largestRecord();
    for (let step = 1; step <= 300; step++) history.add({ ...large, metrics: metrics(step) });
    const bytes = history.snapshots.reduce((sum, one) => sum + recordBytes(one), 0);
    expect(bytes).toBeLessThanOrEqual(MAXIMUM_PICTURE_BYTES);
    expect(bytes).toBeGreaterThan(MAXIMUM_PICTURE_BYTES / 4);
    expect(history.snapshots[0]?.metrics.step).toBe(1);
    expect(history.snapshots.at(-1)?.metrics.step).toBe(300);
    const stored = runOf(Array.from({ length: 300 }, (_, i) => ({ ...large, metrics: metrics(i + 1) })));
    const loaded = History.from(stored).snapshots;
    expect(loaded.reduce((sum, one) => sum + recordBytes(one), 0)).toBeLessThanOrEqual(MAXIMUM_PICTURE_BYTES);
    expect([loaded[0]?.metrics.step, loaded.at(-1)?.metrics.step]).toEqual([1, 300]);
  });

  it('counts at least what a picture weighs when written, and not many times that', () => {
    const large = largestRecord();
    // Written and read, so that nothing in it is shared. In memory a string has a header besides its characters.
    const real = serialize(JSON.parse(JSON.stringify(large))).byteLength;
    expect(recordBytes(large) / real).toBeGreaterThan(1);
    expect(recordBytes(large) / real).toBeLessThan(4);
  });

  it('bounds the numbers of a long run, and keeps its ends, its extremes and its shape', () => {
    const history = new History(REVELA);
    const steps = 100_000;
    const loss = (step: number): number => (step === 54_321 ? 40 : step === 76_543 ? -3 : 2 + Math.sin(step / 2000));
    const one = record(1);
    for (let step = 1; step <= steps; step++) {
      const stepMs = step === 33_333 ? 900 : 20;
      history.add({ ...one, metrics: metrics(step, { ntpLoss: loss(step), stepMs }) });
    }
    expect(history.length).toBeLessThanOrEqual(MAXIMUM_ROWS);
    expect(history.length).toBeGreaterThan(MAXIMUM_ROWS / 4);
    expect([history.firstStep, history.lastStep]).toEqual([1, steps]);
    expect(history.value('ntpLoss', 54_321)).toBe(40);
    expect(history.value('ntpLoss', 76_543)).toBe(-3);
    expect(history.value('stepMs', 33_333)).toBe(900);
    const kept = history.column('step');
    expect(kept.every((step, i) => i === 0 || step > (kept[i - 1] ?? 0))).toBe(true);
    for (let step = 1000; step < steps; step += 997) {
      if (Math.abs(step - 54_321) > 50 && Math.abs(step - 76_543) > 50)
        expect(history.value('ntpLoss', step)).toBeCloseTo(loss(step), 1);
    }
  });

  it('gives the metrics back as they came', () => {
    const given = [metrics(1), metrics(2, { recallAt1: undefined, chance: undefined })];
    const history = new History(REVELA);
    given.forEach((one, i) => history.add({ ...record(i + 1), metrics: one }));
    expect(history.metrics()).toEqual(given);
  });

  it('finds the picture at or before a step, the first when all are later', () => {
    const history = new History(REVELA);
    for (const step of [10, 20, 30]) history.add(record(step));
    expect([5, 10, 19, 20, 99].map((step) => history.pictureAt('step', step)?.metrics.step)).toEqual([
      10, 10, 10, 20, 30,
    ]);
    expect(new History(REVELA).pictureAt('step', 1)).toBeUndefined();
  });

  it('averages recent steps, leaving out those without a value', () => {
    const history = new History(REVELA);
    [0.2, undefined, 0.4, 0.9].forEach((recallAt1, i) => history.add(record(i + 1, { recallAt1 })));
    expect(history.recentMean('recallAt1', 3, 2)).toBeCloseTo(0.4);
    expect(history.recentMean('recallAt1', 4, 3)).toBeCloseTo(0.65);
    expect(history.recentMean('recallAt1', 2, 1)).toBeNaN();
  });

  it('takes a new evaluation of the same step in place of the old one', () => {
    const history = historyOf(2);
    const scores = { chance: 0.1, tfidfRecallAt1: 0.5, ntpLoss: 1, isolatedLoss: 1, effectiveDocuments: 2 };
    history.addEvaluation({ step: 0, recallAt1: 0.1, ...scores });
    history.addEvaluation({ step: 50, recallAt1: 0.2, ...scores });
    history.addEvaluation({ step: 50, recallAt1: 0.3, ...scores });
    expect(history.evaluations.map(({ recallAt1 }) => recallAt1)).toEqual([0.1, 0.3]);
    expect(history.evaluationAt(49)?.step).toBe(0);
  });
});
