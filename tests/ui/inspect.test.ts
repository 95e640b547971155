import { describe, expect, test } from 'vitest';
import { indented, linkPath } from '../../src/ui/panels/inspect/links.ts';
import { attentionOf, meanRow, strongest, tokenFigures } from '../../src/ui/panels/inspect/pairNumbers.ts';
import { gainsFrom, meanGain, neighbourGains, speaksOf, tokenSources } from '../../src/ui/panels/inspect/sources.ts';

/** Two heads, two tokens that read three. */
const PAIR = {
  heads: 2,
  queryTokens: 2,
  contextTokens: 3,
  probabilities: Float32Array.of(1, 0, 0, 0.5, 0.5, 0, 0, 0, 1, 0.5, 0.25, 0.25),
  valueNorms: Float32Array.of(2, 4, 1, 0),
  outputNorms: Float32Array.of(1, 4, 1, 0),
  contributionNorms: Float32Array.of(3, 0, 4, 1),
  selfNorms: Float32Array.of(6, 2, 8, 0),
};

describe('the numbers of a pair', () => {
  test('attention of a head, and the mean of all', () => {
    expect(Array.from(attentionOf(PAIR, 1))).toEqual([0, 0, 1, 0.5, 0.25, 0.25]);
    expect(Array.from(attentionOf(PAIR, undefined))).toEqual([0.5, 0, 0.5, 0.5, 0.375, 0.125]);
    expect(Array.from(meanRow(attentionOf(PAIR, 1), 2, 3))).toEqual([0.25, 0.125, 0.625]);
  });

  test('norms: means over heads, sizes of whole vectors, no division by 0', () => {
    expect(tokenFigures(PAIR, 0)).toEqual([
      { norm: 2, ratio: 0.5, added: 0.5 },
      { norm: 4, ratio: 1, added: 0 },
    ]);
    // ‖(3, 4)‖ / ‖(6, 8)‖; the second token's second head has nothing to read.
    expect(tokenFigures(PAIR, undefined)).toEqual([
      { norm: 1.5, ratio: 0.75, added: 0.5 },
      { norm: 2, ratio: 0.5, added: 0.5 },
    ]);
  });

  test('the strongest links first, weak ones and too many left out', () => {
    const row = Float32Array.of(0.25, 0.015625, 0.5, 0.25);
    expect(strongest(row).map(({ token }) => token)).toEqual([2, 0, 3]);
    expect(strongest(row, 1)).toEqual([{ token: 2, p: 0.5 }]);
    expect(strongest(row, 9, 0)).toHaveLength(4);
  });
});

/** Three chunks; the first has two predicted tokens, the second one, the third none. */
const GAINS = {
  attention: Float32Array.of(0, 0.75, 0.25, 1, 0, 0, 0.5, 0.5, 0),
  tokenLoss: [Float32Array.of(1, 2), Float32Array.of(0.5), new Float32Array()],
  isolatedTokenLoss: [Float32Array.of(3, 1), Float32Array.of(1.5), new Float32Array()],
  firstOrder: Float32Array.of(0, 0.25, 0.5, 1, 0, 0, 0, 0, 0),
  leaveOneOut: [Float32Array.of(0, 0, 2, 0.0625, 0.5, -1), Float32Array.of(1, 0, 0), new Float32Array()],
};

describe('where gains come from', () => {
  test('is told beside the recorded losses only when it was asked right after their step', () => {
    expect(speaksOf({ step: 12, updates: 12 }, 12)).toBe(true);
    expect(speaksOf({ step: 12, updates: 40 }, 12)).toBe(false);
    expect(speaksOf({ step: 'probe', updates: 40 }, 40)).toBe(true);
    expect(speaksOf({ step: 'probe', updates: 40 }, 12)).toBe(false);
  });

  test('neighbours by what they gave: exactly, else to first order', () => {
    expect(neighbourGains(GAINS, 0)).toEqual([
      { neighbour: 1, attention: 0.75, leaveOneOut: 1.03125, firstOrder: 0.25 },
      { neighbour: 2, attention: 0.25, leaveOneOut: -0.25, firstOrder: 0.5 },
    ]);
    const rough = neighbourGains({ ...GAINS, leaveOneOut: undefined }, 0);
    expect(rough.map(({ neighbour, leaveOneOut }) => [neighbour, leaveOneOut])).toEqual([
      [2, undefined],
      [1, undefined],
    ]);
  });

  test('gains of tokens, from all neighbours and from one; the first token is not predicted', () => {
    expect(gainsFrom(GAINS, 0)).toEqual([undefined, 2, -1]);
    expect(gainsFrom(GAINS, 0, 2)).toEqual([undefined, 0.5, -1]);
    expect(gainsFrom(GAINS, 2)).toEqual([undefined]);
    expect([0, 1, 2].map((chunk) => meanGain(GAINS, chunk))).toEqual([0.5, 1, 0]);
  });

  test('a token names the neighbour it owes most to, and none where it owes next to nothing', () => {
    expect(tokenSources(GAINS, 0)).toEqual([undefined, { neighbour: 1, gain: 2 }, undefined]);
    expect(tokenSources(GAINS, 1)).toEqual([undefined, { neighbour: 0, gain: 1 }]);
    expect(tokenSources(GAINS, 2)).toEqual([undefined]);
    expect(tokenSources({ ...GAINS, leaveOneOut: undefined }, 0)).toEqual([]);
  });
});

describe('links between tokens', () => {
  const box = (left: number, top: number) => ({ left, right: left + 10, top, bottom: top + 20 });

  test('hang under the lines between texts side by side, and go straight down between texts one above the other', () => {
    expect(linkPath(box(0, 0), box(100, 40))).toBe('M5 20C30 32 80 72 105 60');
    expect(linkPath(box(0, 0), box(4, 100))).toBe('M5 20C5 60 9 60 9 100');
  });

  test('the space before a token is not part of it, unless it is all there is', () => {
    expect([' word', 'word', '\n\n', ' a b'].map(indented)).toEqual([
      [' ', 'word'],
      ['', 'word'],
      ['', '\n\n'],
      [' ', 'a b'],
    ]);
  });
});
