import { describe, expect, it } from 'vitest';
import { plotHeights, standAlone } from '../../src/ui/panels/charts/heights.ts';

const SIZES = ['large', 'large', 'medium', 'medium'] as const;

describe('heights of plots', () => {
  it('are their own where the panel may be as high as it likes', () => {
    expect(plotHeights(SIZES, undefined, 0)).toEqual([170, 150, 96, 96]);
  });

  it('fill the room that is left by what stands around them, two small ones in a row', () => {
    const [first = 0, second = 0, third = 0, fourth = 0] = plotHeights(SIZES, 700, 100);
    expect(third).toBe(fourth);
    const used = first + second + third;
    const left = 700 - 100 - 32 - 32 - 52;
    expect(used).toBeLessThanOrEqual(left);
    expect(used).toBeGreaterThan(left - 3);
  });

  it('take a row for each of two small ones that a large one parts', () => {
    const alone = plotHeights(['medium', 'large', 'medium'], 500, 0);
    const together = plotHeights(['large', 'medium', 'medium'], 500, 0);
    expect(alone[2]).toBeLessThan(together[2] ?? 0);
  });

  it('neither shrink to nothing nor grow without end', () => {
    expect(plotHeights(SIZES, 0, 100)).toEqual([93, 82, 52, 52]);
    expect(plotHeights(SIZES, 5000, 100)[0]).toBe(289);
  });

  it('have a row to themselves where they are large, or left over', () => {
    expect(standAlone(['large', 'medium', 'small', 'small', 'large', 'small'])).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
    ]);
  });
});
