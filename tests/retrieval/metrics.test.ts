import { describe, expect, it } from 'vitest';
import { combineRecall, effectiveDocuments, recallAt1 } from '../../src/retrieval/metrics.ts';

describe('recallAt1', () => {
  it('looks for the highest j ≠ i of the same label', () => {
    // Rows 0 and 1 find each other, row 2 prefers 0 to its partner 3, row 3 finds 2. The diagonal never counts.
    const s = [9, 3, 1, 1, 2, 9, 1, 1, 3, 0, 9, 2, 0, 0, 1, 9];
    expect(recallAt1(s, [7, 7, 4, 4])).toEqual({ recall: 0.75, chance: 1 / 3, rows: 4 });
    expect(recallAt1(Float32Array.from(s), [7, 7, 4, 4]).recall).toBe(0.75);
  });

  it('skips rows without a partner and rows that cannot be wrong', () => {
    const s = [0, 1, 2, 2, 0, 1, 0, 0, 0];
    expect(recallAt1(s, [1, 1, 2])).toEqual({ recall: 0.5, chance: 0.5, rows: 2 });
    expect(recallAt1(s, [1, 1, 1])).toEqual({ recall: undefined, chance: undefined, rows: 0 });
    expect(recallAt1(s, [1, 2, 3]).recall).toBeUndefined();
  });

  it('shares the credit among ties, so that a constant matrix is at chance', () => {
    const labels = [0, 0, 1, 1, 2, 2, 3, 3];
    const { recall, chance } = recallAt1(new Float32Array(64).fill(0.5), labels);
    expect(chance).toBeCloseTo(1 / 7, 12);
    expect(recall).toBeCloseTo(1 / 7, 12);
    expect(recallAt1(new Float32Array(64).fill(-Infinity), labels).recall).toBeCloseTo(1 / 7, 12);
  });

  it('counts NaN as last, and a row of NaN as wrong', () => {
    const s = [0, 1, NaN, NaN, 1, 0, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN];
    expect(recallAt1(s, [0, 0, 1, 1]).recall).toBe(0.5);
  });

  it('weighs chance by group size and refuses other shapes', () => {
    expect(recallAt1(new Float32Array(25), [0, 0, 0, 1, 1]).chance).toBeCloseTo((3 * 0.5 + 2 * 0.25) / 5, 12);
    expect(() => recallAt1([1, 2, 3], [0, 0])).toThrow(/3 entries; 2 labels need 4/);
  });

  it('combines batches by rows', () => {
    const parts = [
      { recall: 1, chance: 0.2, rows: 6 },
      { recall: undefined, chance: undefined, rows: 0 },
      { recall: 0.5, chance: 0.4, rows: 2 },
    ];
    expect(combineRecall(parts)).toEqual({ recall: 7 / 8, chance: expect.closeTo(0.25, 12) as number, rows: 8 });
    expect(combineRecall([])).toEqual({ recall: undefined, chance: undefined, rows: 0 });
  });
});

describe('effectiveDocuments', () => {
  it('is 1 for one-hot, the number of neighbours for uniform rows', () => {
    const third = 1 / 3;
    const a = [0, 1, 0, 0, third, 0, third, third, 0.5, 0.5, 0, 0, 0.5, 0.25, 0.25, 0];
    const [one, three, two, mixed] = effectiveDocuments(a, 4);
    expect(one).toBe(1);
    expect(three).toBeCloseTo(3, 12);
    expect(two).toBeCloseTo(2, 12);
    expect(mixed).toBeCloseTo(2 ** 1.5, 12);
    expect(() => effectiveDocuments(a, 3)).toThrow(RangeError);
  });
});
