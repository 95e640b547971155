import { describe, expect, it } from 'vitest';
import { mixOklab, toOklab } from '../../src/ui/panels/matrix/oklab.ts';

describe('mixOklab', () => {
  it('begins and ends at its colours', () => {
    const mix = mixOklab('#f3f1ec', '#2f2a8f');
    expect([mix(0), mix(1)]).toEqual(['rgb(243, 241, 236)', 'rgb(47, 42, 143)']);
  });

  it('knows white, black and red as published', () => {
    const near = (colour: string, expected: number[]): void =>
      toOklab(colour).forEach((value, axis) => expect(value).toBeCloseTo(expected[axis] ?? NaN, 3));
    near('white', [1, 0, 0]);
    near('black', [0, 0, 0]);
    near('red', [0.628, 0.2249, 0.1258]);
  });

  it.each([
    ['light', '#f3f1ec', '#2f2a8f'],
    ['dark', '#1e2127', '#b3b6ff'],
  ])('is even to the eye: equal steps of lightness in the %s theme', (_, low, high) => {
    const mix = mixOklab(low, high);
    const lightness = Array.from({ length: 11 }, (_, i) => toOklab(mix(i / 10))[0]);
    const step = ((lightness[10] ?? 0) - (lightness[0] ?? 0)) / 10;
    // Channels are rounded to whole numbers of 255.
    lightness.slice(1).forEach((value, i) => expect(Math.abs(value - (lightness[i] ?? 0) - step)).toBeLessThan(0.006));
  });
});
