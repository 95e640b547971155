import { describe, expect, it } from 'vitest';
import { describeChange, distance, largestChanges, shapeOf } from '../../../src/ui/state/history/changes.ts';
import { reads, record, uniform } from '../records.ts';

describe('the shape of A', () => {
  it('says how much goes to partners and how sharp the rows are, whatever the order of the chunks', () => {
    const one = shapeOf(record(1, { documents: [0, 1, 0, 1], attention: reads([2, 3, 0, 1]) }));
    const other = shapeOf(record(2, { documents: [0, 0, 1, 1], attention: reads([1, 0, 3, 2]) }));
    expect(one.partner).toBeCloseTo(0.9);
    expect(one.profile.map((value) => Number(value.toFixed(3)))).toEqual([0.9, 0.05, 0.05]);
    expect(distance(one, other)).toBeCloseTo(0);
  });

  it('moves by the attention that moved', () => {
    const even = shapeOf(record(1, { attention: uniform(4) }));
    const right = shapeOf(record(2, { attention: reads([2, 3, 0, 1]) }));
    const wrong = shapeOf(record(3, { attention: reads([1, 0, 3, 2]) }));
    expect(distance(even, right)).toBeCloseTo(0.9 - 1 / 3);
    expect(distance(right, wrong)).toBeCloseTo(0.85);
    const alone = shapeOf(record(1, { documents: [0, 1, 2, 3], attention: uniform(4) }));
    expect(alone.partner).toBeNaN();
    expect(distance(alone, right)).toBeCloseTo(0.9 - 1 / 3);
  });
});

describe('largest changes', () => {
  const snapshots = Array.from({ length: 40 }, (_, i) => {
    const step = 10 * (i + 1);
    const attention = step < 100 ? uniform(4) : step < 300 ? reads([2, 3, 0, 1]) : reads([1, 0, 3, 2]);
    return record(step, { attention, effectiveDocuments: step < 100 ? 3 : 1.4 });
  });

  it('are the steps at which A turns, in order', () => {
    expect(largestChanges(snapshots).map(({ to }) => to.step)).toEqual([100, 300]);
  });

  it('say what changed', () => {
    expect(largestChanges(snapshots).map(describeChange)).toEqual([
      'Around 100: attention on the same document 0.33 → 0.90, documents read per row 3.00 → 1.40.',
      'Around 300: attention on the same document 0.90 → 0.05, documents read per row 1.40 → 1.40.',
    ]);
  });

  it('are none where nothing changes, or nothing can be compared', () => {
    expect(largestChanges(Array.from({ length: 30 }, (_, i) => record(i)))).toEqual([]);
    expect(largestChanges([record(1)])).toEqual([]);
    expect(largestChanges([])).toEqual([]);
  });
});
