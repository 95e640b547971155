import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/corpus/random.ts';
import { compareSystems, queryRows, type ScoredSystem } from '../../../src/evaluation/comparison.ts';
import { bootstrapInterval } from '../../../src/evaluation/significance/bootstrap.ts';
import { holm, pairedT, signFlip } from '../../../src/evaluation/significance/pairedTests.ts';
import { criticalT, twoSidedP } from '../../../src/evaluation/significance/studentT.ts';
import { GOLDEN_SIGNIFICANCE } from '../goldens.ts';

const { a, b } = GOLDEN_SIGNIFICANCE;
const DIFFERENCES = b.map((value, i) => value - (a[i] ?? NaN));
const golden = GOLDEN_SIGNIFICANCE;

describe('Student’s t', () => {
  test.each(golden.student_t_two_sided)('p of $t at $df degrees of freedom is scipy’s', ({ t, df, p }) => {
    expect(Math.abs(twoSidedP(t, df) / p - 1)).toBeLessThan(1e-9);
    expect(criticalT(p, df)).toBeCloseTo(t, 8);
  });

  test('is 1 at 0, 0 far away, and the same either way', () => {
    expect([twoSidedP(0, 4), twoSidedP(Infinity, 4), twoSidedP(-2, 9)]).toEqual([1, 0, twoSidedP(2, 9)]);
  });
});

describe('the paired t test', () => {
  test('is scipy’s', () => {
    const { p, t, df, interval, effectSize } = pairedT(DIFFERENCES);
    expect(df).toBe(golden.paired_t.df);
    expect(t).toBeCloseTo(golden.paired_t.t, 9);
    expect(p).toBeCloseTo(golden.paired_t.p_two_sided, 9);
    expect(effectSize).toBeCloseTo(golden.effect_size_d_over_sd, 7);
    expect(interval[0]).toBeCloseTo(golden.t_ci95[0], 8);
    expect(interval[1]).toBeCloseTo(golden.t_ci95[1], 8);
  });

  test('finds nothing where nothing differs, or there is but one query', () => {
    expect(pairedT([0, 0, 0])).toMatchObject({ p: 1, t: NaN });
    expect(pairedT([0.5])).toMatchObject({ p: 1 });
  });
});

describe('the sign-flip test', () => {
  test('looks at all choices of signs of few differences', () => {
    const { assignments, as_or_more_extreme: extreme, p_two_sided: p } = golden.exact_sign_flip_permutation;
    expect(extreme / assignments).toBe(p);
    expect(signFlip(DIFFERENCES)).toMatchObject({ p, isExact: true });
    expect(signFlip([1, 1, 1])).toEqual({ p: 2 / 8, choices: 8, isExact: true });
    expect(signFlip([0, 0])).toMatchObject({ p: 1 });
  });

  test('samples those of many, near what all of them give, and never finds a p of 0', () => {
    // Twenty-one differences: all 2^21 choices are counted here, a sample there.
    const many = Array.from({ length: 21 }, (_, i) => ((i * 7) % 5) - 1.4);
    const sum = many.reduce((total, one) => total + one, 0);
    let extreme = 0;
    for (let choice = 0; choice < 2 ** 21; choice++) {
      let flipped = 0;
      for (let i = 0; i < 21; i++) flipped += (choice >> i) & 1 ? (many[i] ?? 0) : -(many[i] ?? 0);
      if (Math.abs(flipped) >= Math.abs(sum) - 1e-9) extreme++;
    }
    const sampled = signFlip(many, 4);
    expect(sampled.isExact).toBe(false);
    expect(Math.abs(sampled.p - extreme / 2 ** 21)).toBeLessThan(0.015);
    expect(signFlip(many, 4)).toEqual(sampled);
    expect(signFlip(Array.from({ length: 60 }, () => 1)).p).toBe(1 / 10_001);
  });
});

test('Holm’s correction is statsmodels’', () => {
  const { p, adjusted } = golden.holm;
  for (const [i, value] of holm(p).entries()) expect(value).toBeCloseTo(adjusted[i] ?? NaN, 12);
  expect(holm([0.6, 0.7])).toEqual([1, 1]);
  expect(holm([])).toEqual([]);
});

describe('the bootstrap', () => {
  test('holds the true mean about 95 times of 100', () => {
    const random = Random.fromSeed(9);
    let held = 0;
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: 60 }, () => (random.uniform() < 0.4 ? random.uniform() : 0));
      const [low, high] = bootstrapInterval(values, trial) ?? [1, 0];
      if (low <= 0.2 && high >= 0.2) held++;
    }
    // Three standard errors of 200 throws on either side, and a little below for so small a sample.
    expect(held / 200).toBeGreaterThan(0.88);
    expect(held / 200).toBeLessThan(1);
  });

  test('is the same for the same seed, a point where all is alike, and nothing of nothing', () => {
    const values = [0.2, 0.9, 0.4, 0.1];
    expect(bootstrapInterval(values, 3)).toEqual(bootstrapInterval(values, 3));
    expect(bootstrapInterval(values, 3)).not.toEqual(bootstrapInterval(values, 4));
    expect(bootstrapInterval([0.5, 0.5])).toEqual([0.5, 0.5]);
    expect(bootstrapInterval([])).toBeUndefined();
  });
});

describe('systems compared', () => {
  const system = (id: string, values: readonly number[], queries = ['q1', 'q2', 'q3', 'q4']): ScoredSystem => ({
    id,
    scores: {
      convention: 'relevant',
      queries,
      perQuery: new Map([['map', Float64Array.from(values)]]),
      means: new Map(),
      missing: 0,
      withoutRelevant: 0,
      unjudged: 0,
    },
  });
  const first = system('first', [0.5, 0.5, 0.5, 0.5]);
  const better = system('better', [1, 0.75, 0.5, 0.75]);
  const mixed = system('mixed', [0, 1, 0.5, 0.25]);

  test('count queries won and lost, and correct for how many there are', () => {
    const [one, two] = compareSystems(first, [better, mixed], 'map');
    expect(one).toMatchObject({ system: 'better', against: 'first', difference: 0.25, better: 3, worse: 0, same: 1 });
    expect(two).toMatchObject({ difference: -0.0625, better: 1, worse: 2, same: 1 });
    expect(one?.signFlip).toMatchObject({ p: 2 / 8, corrected: 4 / 8 });
    expect(two?.t.corrected).toBeGreaterThanOrEqual(two?.t.p ?? NaN);
    expect(compareSystems(first, [better], 'map')[0]?.signFlip).toMatchObject({ p: 2 / 8, corrected: 2 / 8 });
  });

  test('show every query, what the last loses most at the top', () => {
    expect(queryRows([first, better, mixed], 'map')).toEqual([
      { query: 'q1', values: [0.5, 1, 0], difference: -0.5 },
      { query: 'q4', values: [0.5, 0.75, 0.25], difference: -0.25 },
      { query: 'q3', values: [0.5, 0.5, 0.5], difference: 0 },
      { query: 'q2', values: [0.5, 0.75, 1], difference: 0.5 },
    ]);
  });

  test('are refused on different queries', () => {
    const other = system('other', [1, 1], ['q1', 'q2']);
    expect(() => compareSystems(first, [other], 'map')).toThrow(RangeError);
    expect(() => queryRows([first, other], 'map')).toThrow(RangeError);
  });
});
