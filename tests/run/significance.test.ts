import { describe, expect, it } from 'vitest';
import type { Evaluation } from '../../src/run/record.ts';
import { comparisons, comparisonWords, LEVEL, paired, shareLetter } from '../../src/run/significance.ts';
import { seededRandom } from '../harness/numerics.ts';

const found = (...runs: [letter: string, count: number][]): string =>
  runs.map(([letter, count]) => letter.repeat(count)).join('');

/** Σ C(n, k) / 2^n over the k that are as far from n / 2 as `more` is, or farther. */
function binomial(more: number, less: number): number {
  const n = more + less;
  let ways = 1;
  let sum = 0;
  for (let k = 0; k <= n; k++) {
    if (Math.abs(2 * k - n) >= Math.abs(more - less)) sum += ways;
    ways = (ways * (n - k)) / (k + 1);
  }
  return sum / 2 ** n;
}

describe('two rankings on the same chunks', () => {
  it.each([
    [14, 3],
    [3, 14],
    [6, 0],
    [5, 0],
    [4, 5],
    [40, 21],
  ])('are compared by McNemar’s exact test where a chunk is found or not: %i against %i', (more, less) => {
    const first = found(['c', more], ['0', less], ['c', 20], ['0', 10]);
    const second = found(['0', more], ['c', less], ['c', 20], ['0', 10]);
    const one = paired(first, second);
    expect(one).toMatchObject({ chunks: more + less + 30, more, less });
    expect(one?.p).toBeCloseTo(binomial(more, less), 12);
    const verdict = binomial(more, less) >= LEVEL ? 'no difference' : more > less ? 'better' : 'worse';
    expect(one?.verdict).toBe(verdict);
  });

  it('are compared by all choices of signs where a chunk is found in part: like trying them all', () => {
    const random = seededRandom(4);
    for (let round = 0; round < 200; round++) {
      const n = 1 + Math.floor(9 * random());
      const draw = (): string => Array.from({ length: n }, () => Math.floor(13 * random()).toString(13)).join('');
      const [first, second] = [draw(), draw()];
      const differences = Array.from(first, (letter, i) => parseInt(letter, 13) - parseInt(second[i]!, 13));
      const sum = Math.abs(differences.reduce((total, one) => total + one, 0));
      let extreme = 0;
      for (let signs = 0; signs < 2 ** n; signs++) {
        const flipped = differences.reduce((total, one, i) => total + ((signs >> i) & 1 ? one : -one), 0);
        if (Math.abs(flipped) >= sum) extreme++;
      }
      expect(paired(first, second)?.p).toBeCloseTo(extreme / 2 ** n, 12);
      expect(paired(second, first)).toMatchObject({ p: paired(first, second)?.p, more: paired(first, second)?.less });
    }
  });

  it('differ by chance in one case of twenty at most', () => {
    const random = seededRandom(7);
    const draw = (): string => Array.from({ length: 40 }, () => (random() < 0.5 ? 'c' : '0')).join('');
    const verdicts = Array.from({ length: 2000 }, () => paired(draw(), draw())?.verdict);
    const called = verdicts.filter((one) => one !== 'no difference').length / verdicts.length;
    expect(called).toBeLessThan(LEVEL);
    expect(called).toBeGreaterThan(0);
  });

  it('cannot be told apart by few chunks, however clear each is', () => {
    expect(paired('ccccc', '00000')?.verdict).toBe('no difference');
    expect(paired('cccccc', '000000')?.verdict).toBe('better');
  });

  it('are not compared where they are of other chunks, or of none', () => {
    expect(paired('cc', 'c')).toBeUndefined();
    expect(paired('', '')).toBeUndefined();
  });
});

it('shares become letters, in twelfths', () => {
  expect([0, 1 / 7, 0.5, 1].map(shareLetter)).toEqual(['0', '2', '6', 'c']);
});

describe('in words', () => {
  it('says by how many chunks, and how likely that is by chance', () => {
    const clear = paired(found(['c', 14], ['0', 3], ['c', 43]), found(['0', 14], ['c', 3], ['c', 43]));
    expect(comparisonWords(clear!, 'the untrained retriever')).toBe(
      'better than the untrained retriever: 14 of 60 chunks find their document more often, 3 less often (p = 0.013)',
    );
    const close = paired(found(['c', 4], ['0', 5], ['c', 51]), found(['0', 4], ['c', 5], ['c', 51]));
    expect(comparisonWords(close!, 'BM25')).toBe(
      'no difference to BM25 that 60 chunks can show: 4 of 60 chunks find their document more often, 5 less often',
    );
    const far = paired(found(['0', 60]), found(['c', 60]));
    expect(comparisonWords(far!, 'TF-IDF')).toMatch(/^worse than TF-IDF: 0 of 60 .* 60 less often \(p < 0\.001\)$/);
    expect(comparisonWords(paired('cc0', 'cc0')!, 'TF-IDF')).toBe('the same as TF-IDF on all 3 chunks');
  });
});

describe('an evaluation', () => {
  const findings = { retriever: 'cccccc', untrained: '000000', tfidf: 'cccccc', bm25: '00000' };

  it('is compared with what is known, once', () => {
    const evaluation: Evaluation = { step: 50, findings };
    const all = comparisons(evaluation);
    expect([...all].map(([of, { verdict }]) => [of, verdict])).toEqual([
      ['untrained', 'better'],
      ['tfidf', 'no difference'],
    ]);
    expect(comparisons(evaluation)).toBe(all);
  });

  it('of an earlier version says nothing', () => {
    expect(comparisons({ step: 50, recallAt1: 1 }).size).toBe(0);
    expect(comparisons(undefined).size).toBe(0);
  });
});
