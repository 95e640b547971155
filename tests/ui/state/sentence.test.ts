import { describe as group, expect, it } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import { describe } from '../../../src/ui/state/sentences/sentence.ts';
import { endOf, reads, record, type RecordOptions, REVELA, uniform } from '../records.ts';

/** The sentence for a run that has looked like this for thirty steps up to `step`. */
function said(
  settings: Record<string, unknown>,
  options: RecordOptions,
  step = 300,
  isMoving = false,
): { text: string; stuck: boolean } {
  const history = new History(REVELA);
  for (let i = Math.max(1, step - 29); i <= step; i++) history.add(record(i, options));
  return describe({ configuration: configure(settings), ...endOf(history), isMoving, order: [0, 1, 2, 3] });
}

const PARTNERS = reads([2, 3, 0, 1]);
const STRANGERS = reads([1, 0, 3, 2]);

group('the sentence', () => {
  it('names the strongest pair, who found the partner, and what reading saves', () => {
    const sentence = said({}, { attention: PARTNERS, recallAt1: 1, ntpLoss: 0.8 });
    expect(sentence).toEqual({
      text: 'Chunk 1 reads mostly chunk 3 (0.90): they tell the same fact. 4 of 4 chunks read their partner most, and reading saves 0.50 nats per token.',
      stuck: false,
    });
  });

  it('says when the strongest pair are strangers', () => {
    const { text } = said({}, { attention: STRANGERS }, 100);
    expect(text).toBe(
      'Chunk 1 reads mostly chunk 2 (0.90), which tells another fact. 0 of 4 chunks read their partner most.',
    );
  });

  it('says when nothing is preferred yet', () => {
    const { text, stuck } = said({}, { attention: uniform(4), effectiveDocuments: 3 }, 40);
    expect(text).toContain('about alike (3.00 of 3): the retriever has not made up its mind yet.');
    expect(stuck).toBe(false);
  });

  it('says when the ranking is right but too soft', () => {
    const { text } = said({ temperature: 0.5 }, { attention: uniform(4), effectiveDocuments: 2.9, recallAt1: 1 });
    expect(text).toContain('the ranking is right, but τ 0.50 is soft');
  });

  it.each([
    [
      'a temperature that is too low',
      { temperature: 1e-4 },
      { attention: reads([1, 0, 3, 2]), effectiveDocuments: 1 },
      'τ 0.0001',
    ],
    [
      'the uniform control',
      { attention: 'uniform' },
      { attention: uniform(4), effectiveDocuments: 3 },
      'Control: every chunk reads all others alike',
    ],
    ['the random control', { attention: 'random' }, {}, 'by chance'],
    ['the oracle', { attention: 'oracle' }, { ntpLoss: 0.3 }, 'reading saves 1.00 nats per token'],
    ['BM25', { attention: 'bm25' }, {}, 'shared words'],
    ['a frozen retriever', { freezeRetriever: true }, {}, 'frozen'],
    [
      'no partners',
      {},
      { documents: [0, 1, 2, 3], recallAt1: undefined, chance: undefined },
      'recall cannot be measured',
    ],
    ['plain random weights', { initialisation: 'normal' }, {}, 'Start from the copy prior'],
    ['a small model on prose', { source: 'kitchen' }, {}, 'pretrained checkpoint'],
  ] satisfies [string, Record<string, unknown>, RecordOptions, string][])(
    'says why nothing is learnt: %s',
    (_, settings, options, words) => {
      const sentence = said(settings, options);
      expect(sentence.stuck).toBe(true);
      expect(sentence.text).toContain(words);
    },
  );

  it('gives prose and plain random weights time before it judges them', () => {
    expect(said({ source: 'kitchen' }, {}, 60).stuck).toBe(false);
    expect(said({ initialisation: 'normal' }, {}, 60).stuck).toBe(false);
  });

  it('does not complain about a low temperature that has learnt', () => {
    expect(said({ temperature: 1e-3 }, { attention: PARTNERS, effectiveDocuments: 1, recallAt1: 1 }).stuck).toBe(false);
  });

  it('tells of the last steps together while the picture moves, and names no chunk', () => {
    expect(said({}, { attention: PARTNERS, recallAt1: 0.75, ntpLoss: 0.8 }, 300, true)).toEqual({
      text: 'In the last 20 steps 3.0 of 4 chunks find their partner first on average (by chance 1.3), and reading saves 0.50 nats per token.',
      stuck: false,
    });
    expect(said({}, {}, 1, true).text).toMatch(/^In the first step 1\.0 of 4/);
    const alone = { documents: [0, 1, 2, 3], recallAt1: undefined, chance: undefined, effectiveDocuments: 2 };
    expect(said({ attention: 'uniform' }, alone, 300, true).stuck).toBe(true);
  });

  it('says “mostly” from half of the attention on, and else only that it is more than any other', () => {
    const soft = reads([2, 3, 0, 1]).map((share) => (share > 0.5 ? 0.4 : share === 0 ? 0 : 0.3));
    expect(said({}, { attention: soft, effectiveDocuments: 2.2 }, 100).text).toContain(
      'Chunk 1 reads chunk 3 more than any other (0.40): they tell the same fact.',
    );
  });

  it('finds nothing where all others are partners, and says so', () => {
    const { text } = said({}, { documents: [0, 0, 0, 0], attention: PARTNERS, recallAt1: undefined }, 100);
    expect(text).toContain('every other is a partner and there is nothing to find');
    expect(text).not.toMatch(/\d of 4 chunks/);
  });

  it('says of the gradient at a low temperature what was measured', () => {
    const low = { attention: reads([1, 0, 3, 2]), effectiveDocuments: 1 };
    expect(said({ temperature: 1e-4 }, { ...low, retrieverGradientNorm: 0 }).text).toContain(
      'in 20 of the last 20 steps the retriever got next to no gradient',
    );
    const { text } = said({ temperature: 1e-4 }, { ...low, retrieverGradientNorm: 3 });
    expect(text).toContain('the retriever has found nothing by that so far');
    expect(text).not.toContain('no gradient');
  });

  it('stays short enough for its three lines', () => {
    const texts = [
      said({ source: 'kitchen' }, {}),
      said({ initialisation: 'normal' }, {}),
      said({ attention: 'oracle' }, { ntpLoss: 0.3 }),
      said({ attention: 'uniform' }, { ntpLoss: 0.3 }),
    ].map(({ text }) => text.length);
    expect(Math.max(...texts)).toBeLessThanOrEqual(200);
  });
});
