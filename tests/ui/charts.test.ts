import { describe, expect, it } from 'vitest';
import { lastAtOrBefore, roundUp, spread, thin } from '../../src/ui/panels/charts/geometry.ts';
import { alternativeText, valueAt } from '../../src/ui/panels/charts/series.ts';
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
