import { describe, expect, it } from 'vitest';
import { largestChanges } from '../../src/ui/state/history/changes.ts';
import { extremesOf, halve } from '../../src/ui/state/history/extremes.ts';
import { chosenPictures, GRID } from '../../src/ui/panels/timeline/chosenSteps.ts';
import { reads, record, REVELA, uniform } from './records.ts';

const snapshots = Array.from({ length: 50 }, (_, i) =>
  record(i + 1, { attention: i < 20 ? uniform(4) : reads([2, 3, 0, 1]) }),
);
const stepsOf = (records: ReturnType<typeof chosenPictures>): number[] => records.map(({ metrics }) => metrics.step);

describe('pictures for the grid', () => {
  it('are evenly spaced, with both ends, each once', () => {
    const steps = stepsOf(chosenPictures(snapshots, [], 'even'));
    expect(steps.length).toBeLessThanOrEqual(GRID.most);
    expect(steps.length).toBeGreaterThanOrEqual(GRID.least);
    expect([steps[0], steps.at(-1)]).toEqual([1, 50]);
    const gaps = steps.slice(2, -1).map((step, i) => step - (steps[i + 1] ?? 0));
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
  });

  it('are those before and after what changed', () => {
    expect(stepsOf(chosenPictures(snapshots, largestChanges(snapshots, REVELA), 'changes'))).toEqual([1, 20, 21, 50]);
  });

  it('are what there is when there is little', () => {
    expect(chosenPictures([], [], 'even')).toEqual([]);
    expect(stepsOf(chosenPictures(snapshots.slice(0, 1), [], 'even'))).toEqual([1]);
    expect(stepsOf(chosenPictures(snapshots.slice(0, 3), [], 'changes'))).toEqual([1, 3]);
  });
});

describe('halving a table', () => {
  it('finds the extremes of a column, whatever it lacks', () => {
    expect(extremesOf([NaN, 3, -1, Infinity, 7, 7])).toEqual([2, 4]);
    expect(extremesOf([NaN])).toEqual([-1, -1]);
  });

  it('keeps about half, in order, with the ends, every extreme and each local peak', () => {
    const shape = Float64Array.from({ length: 1000 }, (_, i) => Math.sin(i / 3) + (i === 501 ? 9 : 0));
    const other = Float64Array.from({ length: 1000 }, (_, i) => (i === 333 ? -5 : i === 334 ? NaN : 1));
    const rows = halve([shape, other], shape);
    expect(rows.length).toBeGreaterThanOrEqual(500);
    expect(rows.length).toBeLessThan(520);
    expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
    expect(rows).toEqual(expect.arrayContaining([0, 333, 501, 999]));
    const kept = new Set(rows);
    for (let i = 1; i < 999; i++) {
      const [before = 0, here = 0, after = 0] = shape.subarray(i - 1, i + 2);
      if (here > before && here > after) expect(kept.has(i)).toBe(true);
    }
  });

  it('bears an empty table and columns without values', () => {
    expect(halve([], new Float64Array())).toEqual([]);
    expect(halve([new Float64Array([NaN, NaN])], new Float64Array([NaN, NaN]))).toEqual([0, 1]);
  });
});
