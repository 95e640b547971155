import { describe, expect, test } from 'vitest';
import type { ProbeMetrics } from '../../../src/run/record.ts';
import { builtIn, chaptersOf, type Told } from '../../../src/ui/panels/story/chapters.ts';

const FACTS = { source: 'facts', initialisation: 'copyPrior' } as const;

/** A probe of eight chunks with four documents: chance 1/7, in nats per token. */
function at(step: number, changes: Partial<Record<string, number>> = {}): ProbeMetrics {
  return {
    step,
    ntpLoss: 2,
    isolatedLoss: 2,
    recallAt1: 0.125,
    chance: 1 / 7,
    partnerShare: 0.1,
    partnerShareByChance: 1 / 7,
    wordingShare: 0.3,
    wordingShareByChance: 0.25,
    contrast: 0.1,
    ...changes,
  };
}

const WHOLE: readonly ProbeMetrics[] = [
  at(0, { wordingShare: 0.63 }),
  at(20, { wordingShare: 0.97, partnerShare: 0.02 }),
  at(40, { wordingShare: 0.9 }),
  at(100, { wordingShare: 0.2, partnerShare: 0.14 }),
  at(140, { wordingShare: 0.05, partnerShare: 0.7 }),
  at(150, { wordingShare: 0.01, partnerShare: 0.91, recallAt1: 1, isolatedLoss: 2.01, contrast: 0.4 }),
  at(300, { wordingShare: 0, partnerShare: 0.99, recallAt1: 1, isolatedLoss: 2.02 }),
  at(550, { wordingShare: 0, partnerShare: 0.99, recallAt1: 1, ntpLoss: 1.9, isolatedLoss: 2.6 }),
  at(700, { wordingShare: 0, partnerShare: 0.99, recallAt1: 1, ntpLoss: 1.6, isolatedLoss: 2.8 }),
];

function told(probe: readonly ProbeMetrics[], changes: Partial<Told> = {}): Told {
  const evaluations = [{ step: 700, recallAt1: 1, tfidfRecallAt1: 1 }];
  return { probe, evaluations, partnered: 8, configuration: FACTS, ...changes };
}

const steps = (probe: readonly ProbeMetrics[]): [string, number][] =>
  chaptersOf(told(probe)).map(({ id, step }) => [id, step]);

/** The words of one chapter; empty where there is no such chapter. */
function words(probe: readonly ProbeMetrics[], id: string): string {
  const chapter = chaptersOf(told(probe)).find((one) => one.id === id);
  return chapter ? `${chapter.sentence} ${chapter.more}` : '';
}

/** The same probe with one of its records changed. */
function with_(step: number, changes: Partial<Record<string, number>>): ProbeMetrics[] {
  return WHOLE.map((one) => (one.step === step ? { ...one, ...changes } : one));
}

describe('the moments', () => {
  test('are chosen by what the probe shows', () => {
    expect(steps(WHOLE)).toEqual([
      ['untrained', 0],
      ['wording', 20],
      ['partner', 150],
      ['copying', 550],
      ['limits', 700],
    ]);
  });

  test('follow the numbers', () => {
    expect(steps(with_(40, { wordingShare: 0.98 }))).toContainEqual(['wording', 40]);
    expect(steps(with_(140, { partnerShare: 0.85 }))).toContainEqual(['partner', 140]);
    expect(steps(with_(300, { ntpLoss: 0.5 }))).toContainEqual(['copying', 300]);
  });

  test('partners that are lost again are not found', () => {
    expect(steps(with_(300, { partnerShare: 0.3 }))).toContainEqual(['partner', 550]);
    expect(steps(with_(700, { partnerShare: 0.3 }))).toEqual([]);
  });

  test('a gain that goes again was not learnt', () => {
    expect(steps([...WHOLE, at(750, { partnerShare: 0.99 })]).map(([id]) => id)).toEqual([
      'untrained',
      'wording',
      'partner',
      'limits',
    ]);
  });

  test('what never happened has no chapter', () => {
    const without = (metric: string): ProbeMetrics[] => WHOLE.map((one) => ({ ...one, [metric]: undefined }));
    expect(steps(without('wordingShare')).map(([id]) => id)).toEqual(['untrained', 'partner', 'copying', 'limits']);
    expect(steps(WHOLE.map((one) => ({ ...one, wordingShare: 0.3 }))).map(([id]) => id)).not.toContain('wording');
    expect(steps(with_(0, { wordingShare: 0.98 })).map(([id]) => id)).not.toContain('wording');
    expect(steps(without('partnerShare'))).toEqual([]);
    expect(steps(WHOLE.slice(1))).toEqual([]);
    expect(steps([])).toEqual([]);
  });
});

describe('the words', () => {
  test('have the numbers of their moments', () => {
    expect(words(WHOLE, 'untrained')).toContain('does not know who belongs together: 1 of 8');
    expect(words(WHOLE, 'untrained')).toContain('1.1 would by chance');
    expect(words(WHOLE, 'untrained')).toMatch(/It goes by wording: .* 63% of the attention, 25% by chance/);
    expect(words(WHOLE, 'wording')).toMatch(/97% .* 2% to the partner. By chance it would be 25% and 14%/);
    expect(words(WHOLE, 'partner')).toMatch(
      /unlearns the wording.*91%.*next to nothing, 0\.01 nats.*0\.10 to 0\.40 nats a token/,
    );
    expect(words(WHOLE, 'copying')).toMatch(
      /1\.90 nats with context, 2\.60 alone.*more than at step 150, where it was 2\.01/,
    );
    expect(words(WHOLE, 'limits')).toContain('TF-IDF 1.00, the retriever 1.00');
  });

  test('claim only what is so', () => {
    const knows = with_(0, { recallAt1: 0.75, wordingShare: 0.3 });
    expect(words(knows, 'untrained')).toMatch(/^Nothing is trained yet: 6 of 8/);
    expect(words(knows, 'untrained')).not.toContain('goes by wording');
    expect(words(with_(150, { isolatedLoss: 1.8 }), 'partner')).toContain('makes the loss 0.20 nats higher');
    expect(words(with_(150, { isolatedLoss: 2.5 }), 'partner')).toContain('; reading saves 0.50 nats');
    expect(words(with_(100, { contrast: -0.1 }), 'partner')).not.toContain('What teaches');
    expect(words(WHOLE, 'copying')).not.toContain('In between');
    expect(words(with_(300, { ntpLoss: 2.3 }), 'copying')).toContain('higher, by 0.28 nats at step 300');
    expect(words(with_(550, { isolatedLoss: 2, ntpLoss: 0.5 }), 'copying')).not.toContain('costs more');
    expect(words(with_(150, { wordingShare: 0.3 }), 'partner')).not.toContain('unlearns');
    const better = told(WHOLE, { evaluations: [{ step: 700, recallAt1: 0.9, tfidfRecallAt1: 0.5 }] });
    expect(chaptersOf(better).at(-1)?.sentence).not.toContain('Counting words');
  });

  test('say what is built in, and no more', () => {
    expect(builtIn(FACTS)).toMatch(/each fact twice.*copy prior/);
    expect(builtIn({ source: 'kitchen', initialisation: 'copyPrior' })).not.toContain('fact');
    expect(builtIn({ source: 'text', initialisation: 'normal' })).toBe('');
  });

  test('are short enough to be read in a minute', () => {
    const all = chaptersOf(told(WHOLE)).map(({ sentence }) => sentence.split(' ').length);
    expect(Math.max(...all)).toBeLessThanOrEqual(36);
  });
});
