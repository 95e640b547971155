import { describe, expect, it } from 'vitest';
import { describeChange, distance, largestChanges, shapeOf } from '../../../src/ui/state/history/changes.ts';
import type { StepRecord } from '../../../src/run/record.ts';
import { reads, record, REVELA, uniform } from '../records.ts';

const shape = (one: StepRecord) => shapeOf(one, REVELA);

describe('the shape of A', () => {
  it('says how much goes to partners and how sharp the rows are, whatever the order of the chunks', () => {
    const one = shape(record(1, { documents: [0, 1, 0, 1], attention: reads([2, 3, 0, 1]) }));
    const other = shape(record(2, { documents: [0, 0, 1, 1], attention: reads([1, 0, 3, 2]) }));
    expect(one.right).toBeCloseTo(0.9);
    expect(one.profile.map((value) => Number(value.toFixed(3)))).toEqual([0.9, 0.05, 0.05]);
    expect(distance(one, other)).toBeCloseTo(0);
  });

  it('moves by the attention that moved', () => {
    const even = shape(record(1, { attention: uniform(4) }));
    const right = shape(record(2, { attention: reads([2, 3, 0, 1]) }));
    const wrong = shape(record(3, { attention: reads([1, 0, 3, 2]) }));
    expect(distance(even, right)).toBeCloseTo(0.9 - 1 / 3);
    expect(distance(right, wrong)).toBeCloseTo(0.85);
    const alone = shape(record(1, { documents: [0, 1, 2, 3], attention: uniform(4) }));
    expect(alone.right).toBeNaN();
    expect(distance(alone, right)).toBeCloseTo(0.9 - 1 / 3);
  });
});

describe('largest changes', () => {
  const snapshots = Array.from({ length: 40 }, (_, i) => {
    const step = 10 * (i + 1);
    const attention = step < 100 ? uniform(4) : step < 300 ? reads([2, 3, 0, 1]) : reads([1, 0, 3, 2]);
    return record(step, { attention });
  });

  it('are the steps at which A turns, in order', () => {
    expect(largestChanges(snapshots, REVELA).map(({ to }) => to.step)).toEqual([100, 300]);
  });

  it('say what changed', () => {
    expect(largestChanges(snapshots, REVELA).map((change) => describeChange(change, REVELA))).toEqual([
      'Around 100: attention on the same document 0.33 → 0.90, documents read per row 3.00 → 1.48.',
      'Around 300: attention on the same document 0.90 → 0.05.',
    ]);
  });

  it('are none where nothing changes, or nothing can be compared', () => {
    expect(
      largestChanges(
        Array.from({ length: 30 }, (_, i) => record(i)),
        REVELA,
      ),
    ).toEqual([]);
    expect(largestChanges([record(1)], REVELA)).toEqual([]);
    expect(largestChanges([], REVELA)).toEqual([]);
  });
});
