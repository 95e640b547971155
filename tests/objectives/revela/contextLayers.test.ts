import { describe, expect, it } from 'vitest';
import { contextLayers } from '../../../src/objectives/revela/options.ts';

describe('the layers that read their neighbours', () => {
  it.each([
    ['all', 30, undefined, undefined],
    ['upperHalf', 30, 15, 15],
    ['upperThird', 30, 20, 10],
    ['upperThird', 24, 16, 8],
    // The middle layer of three is in the upper half; only the last is in the upper third.
    ['upperHalf', 3, 1, 2],
    ['upperThird', 3, 2, 1],
    ['upperThird', 2, 1, 1],
    ['upperThird', 1, 0, 1],
  ] as const)('%s of %i begins at layer %s', (which, layers, first, count) => {
    const chosen = contextLayers(layers, { contextLayers: which });
    expect(chosen?.[0]).toBe(first);
    expect(chosen?.length).toBe(count);
    if (chosen) expect(chosen.at(-1)).toBe(layers - 1);
  });
});
