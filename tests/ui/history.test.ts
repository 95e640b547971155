import { describe, expect, it } from 'vitest';
import { History, MAXIMUM_SNAPSHOTS } from '../../src/ui/run/history.ts';
import { record } from './records.ts';

function historyOf(steps: number): History {
  const history = new History();
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
    expect(kept.length).toBeLessThanOrEqual(MAXIMUM_SNAPSHOTS + 1);
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(steps, MAXIMUM_SNAPSHOTS / 2));
    expect([kept[0], kept.at(-1)]).toEqual([1, steps]);
    const gaps = kept.slice(2, -1).map((step, i) => step - (kept[i + 1] ?? 0));
    expect(new Set(gaps).size).toBeLessThanOrEqual(1);
  });

  it('finds the picture at or before a step, the first when all are later', () => {
    const history = new History();
    for (const step of [10, 20, 30]) history.add(record(step));
    expect([5, 10, 19, 20, 99].map((step) => history.snapshotAt(step)?.metrics.step)).toEqual([10, 10, 10, 20, 30]);
    expect(new History().snapshotAt(1)).toBeUndefined();
  });

  it('averages recent steps, leaving out those without a value', () => {
    const history = new History();
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
