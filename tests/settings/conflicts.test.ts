import { describe, expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { FactStream } from '../../src/corpus/sources/factStream.ts';
import { whyIdle } from '../../src/settings/applicability.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { configure, contradictions, type Configuration, type SettingKey } from '../../src/settings/configuration.ts';
import { CONFLICTS } from '../../src/settings/conflicts.ts';
import { SettingError } from '../../src/settings/setting.ts';
import { randomDraft, randomFrom } from './random.ts';

describe('settings that contradict each other are refused at a control that can be changed', () => {
  test.each<[Partial<Configuration>, SettingKey, RegExp]>([
    [{ width: 100, heads: 8 }, 'heads', /100 must split into 8 heads .* try 5 heads/],
    [{ width: 512, heads: 1 }, 'heads', /try 2 heads/],
    [{ width: 17 }, 'width', /multiple of 32/],
    [{ width: 502 }, 'width', /multiple of 32/],
    [{ heads: 4, kvHeads: 3 }, 'kvHeads', /4 query heads cannot share 3/],
    [{ layers: 3, retrieverDepth: 4 }, 'retrieverDepth', /from 1 to 3/],
    [{ layers: 3, retrieverDepth: -3 }, 'retrieverDepth', /3 layers cannot run at depth -3/],
    [{ layers: 1, retrieverDepth: -1 }, 'retrieverDepth', /1 layer cannot/],
    [{ chunks: 9, groupSize: 2 }, 'groupSize', /whole groups of 2/],
    [{ chunks: 9, groupSize: 2, batching: 'random' }, 'groupSize', /whole groups of 2/],
    [{ source: 'kitchen', batching: 'random', chunks: 4, groupSize: 8 }, 'groupSize', /cannot hold 8 chunks/],
    [{ source: 'kitchen', batching: 'bm25', chunks: 4, groupSize: 8 }, 'groupSize', /cannot hold 8 chunks/],
    [{ chunks: 16, groupSize: 8 }, 'groupSize', /at most 4 ways/],
    [{ base: 'checkpoint', trained: 'full', precision: 'int8' }, 'precision', /Train adapters/],
    [{ freezeLanguageModel: true, freezeRetriever: true }, 'freezeLanguageModel', /nothing would learn/],
    [{ freezeLanguageModel: true, attention: 'uniform' }, 'freezeLanguageModel', /nothing would learn/],
  ])('%o', (changes, key, message) => {
    expect(() => configure(changes)).toThrow(SettingError);
    const [found] = contradictions({ ...configure({}), ...changes });
    expect(found).toMatchObject({ setting: key });
    expect(found?.message).toMatch(message);
  });

  test.each<Partial<Configuration>>([
    { source: 'kitchen', batching: 'random', chunks: 9, groupSize: 2 },
    { freezeLanguageModel: true, freezeRetriever: true, learnGate: true },
    { base: 'checkpoint', width: 17, heads: 16 },
    { precision: 'int8' },
    { base: 'checkpoint', retrieverDepth: 29 },
    { layers: 3, retrieverDepth: -2 },
  ])('but not %o', (changes) => {
    expect(() => configure(changes)).not.toThrow();
  });

  test('whatever is drawn', () => {
    const random = randomFrom(3);
    const seen = new Set<unknown>();
    for (let i = 0; i < 5000; i++) {
      const draft = randomDraft(random);
      for (const conflict of CONFLICTS) {
        if (conflict.problem(draft) === undefined) continue;
        expect(whyIdle(conflict.at, draft)).toBeUndefined();
        expect(conflict.between).toContain(conflict.at);
        seen.add(conflict);
      }
    }
    expect(CONFLICTS.filter((conflict) => !seen.has(conflict))).toEqual([]);
  });

  test('and what a conflict does not name has no part in it', () => {
    const random = randomFrom(4);
    for (let i = 0; i < 1000; i++) {
      const draft = randomDraft(random);
      for (const { between, problem } of CONFLICTS) {
        const named = Object.fromEntries(between.map((key) => [key, draft[key]])) as Partial<Configuration>;
        expect(problem({ ...configure({}), ...named })).toBe(problem(draft));
      }
    }
  });
});

test('what may stand together makes a corpus: every batch size, group and way of batching', async () => {
  for (const chunks of [2, 3, 4, 6, 9, 12, 32])
    for (const groupSize of [2, 3, 4, 5, 8, 16]) {
      const draft = { ...configure({}), chunks, groupSize };
      const isTaken = contradictions(draft).length === 0;
      const build = () => new FactStream({ batchSize: chunks, chunksPerFact: groupSize });
      if (isTaken) expect(build, `${chunks}, ${groupSize}`).not.toThrow();
      else expect(build, `${chunks}, ${groupSize}`).toThrow();
      for (const batching of ['topics', 'adjacent', 'bm25', 'random'] as const) {
        const prose = { ...draft, source: 'text', vocabulary: 300, batching } as const;
        if (contradictions(prose).length > 0) continue;
        const { batches } = await setUpCorpus(prose, { text: pastedText('Letters', LETTERS) });
        expect(batches.batchAt(0).chunks).toHaveLength(chunks);
        expect(batches.heldOutBatches(1)).toHaveLength(1);
      }
    }
});

/** Documents of a few short chunks each. */
const LETTERS = Array.from({ length: 26 }, (_, i) => {
  const letter = String.fromCharCode(97 + i);
  return Array.from({ length: 6 }, (__, n) => `${letter.repeat(3)} is letter number ${i}, told ${n} times.`).join(' ');
}).join('\n\n---\n\n');
