import { describe, expect, it } from 'vitest';
import { configure, type Configuration } from '../../../src/settings/configuration.ts';
import { preset } from '../../../src/settings/presets.ts';
import { batchFor } from '../../../src/ui/panels/text/expectation/batchFor.ts';
import type { Circumstances, TextFacts } from '../../../src/ui/panels/text/expectation/circumstances.ts';
import { counted, expectationOf } from '../../../src/ui/panels/text/expectation/expectation.ts';

const LIGHT = { id: 'a/light', name: 'Light-135M', bytes: 91e6 };
const TEXT: TextFacts = { documents: 10, chunks: 22, withPartner: 18, copies: 0, heldOut: 3 };
const SMALL = configure({ ...preset('prose').configuration, source: 'text' });
const GENTLE = configure({ ...preset('gentle').configuration, source: 'text', checkpoint: LIGHT.id });

function at(configuration: Configuration, changes: Partial<Circumstances> = {}): Circumstances {
  return {
    configuration,
    text: TEXT,
    lightest: LIGHT,
    here: undefined,
    hasBases: true,
    hasWebGpu: true,
    isOn: false,
    ...changes,
  };
}

const text = (changes: Partial<TextFacts>): Partial<Circumstances> => ({ text: { ...TEXT, ...changes } });

describe('a text in numbers', () => {
  it.each([
    [TEXT, '10 documents, 22 chunks; 18 have a partner.'],
    [{ ...TEXT, withPartner: 22 }, '10 documents, 22 chunks; each has a partner.'],
    [{ ...TEXT, withPartner: 0 }, '10 documents, 22 chunks; none has a partner.'],
    [{ ...TEXT, documents: 1, withPartner: undefined }, '1 document, 22 chunks.'],
    [undefined, ''],
  ])('%o', (facts, words) => {
    expect(counted(facts)).toBe(words);
  });
});

describe('what to expect', () => {
  it('of prose with small models is nothing, and one press loads the lightest checkpoint', () => {
    const { outlook, sentence, why, remedy } = expectationOf(at(SMALL));
    expect(outlook).toBe('nothing');
    expect(sentence).toBe(
      '10 documents, 22 chunks; 18 have a partner. Small models learn nothing from prose: load a checkpoint, 91 MB.',
    );
    expect(why).toMatch(/by chance 0\.14/);
    expect(remedy).toEqual({ kind: 'download', label: 'Load Light-135M, 91 MB', checkpoint: LIGHT.id });
  });

  it('costs nothing where a checkpoint is here', () => {
    const { sentence, remedy } = expectationOf(at(SMALL, { here: 'mine' }));
    expect(sentence).toContain('take the checkpoint that is here');
    expect(remedy).toEqual({ kind: 'use', label: 'Take mine', checkpoint: 'mine' });
  });

  it('of a collection says the same without partners counted', () => {
    const facts = { documents: 16, chunks: 96, withPartner: undefined, copies: 0, heldOut: undefined };
    const { sentence } = expectationOf(at(preset('prose').configuration, { text: facts }));
    expect(sentence).toMatch(/^16 documents, 96 chunks\. Small models learn nothing/);
  });

  it('of a checkpoint is what was measured, and what it is judged by', () => {
    const { outlook, sentence, why, remedy } = expectationOf(at(GENTLE));
    expect(outlook).toBe('learns');
    expect(sentence).toContain('3 documents are kept out of training, to judge by.');
    expect(why).toContain('Measured');
    expect(remedy).toEqual({ kind: 'train', label: 'Train on it' });
    expect(expectationOf(at(GENTLE, text({ heldOut: 0 }))).sentence).toContain('scores will be on the training text');
  });

  it('asks for no press while its run is on', () => {
    const { sentence, remedy } = expectationOf(at(GENTLE, { isOn: true }));
    expect(sentence).toMatch(/to judge by\.$/);
    expect(remedy).toBeUndefined();
  });

  it('of other settings on a checkpoint is open, and of the paper’s nothing at first', () => {
    expect(expectationOf(at({ ...GENTLE, temperature: 0.2 })).outlook).toBe('open');
    expect(expectationOf(at({ ...GENTLE, chunks: 4, chunkTokens: 48 })).outlook).toBe('learns');
    const paper = configure({ ...preset('paper').configuration, source: 'text' });
    expect(expectationOf(at(paper)).outlook).toBe('nothing');
  });

  it('waits for a checkpoint that is not here', () => {
    const { outlook, sentence, remedy } = expectationOf(at(GENTLE, { hasBases: false }));
    expect([outlook, remedy?.kind]).toEqual(['impossible', 'download']);
    expect(sentence).toContain(`${LIGHT.id} is not here yet. The lightest that is offered takes 91 MB.`);
    const other = expectationOf(at(GENTLE, { hasBases: false, here: 'mine' }));
    expect(other.remedy).toEqual({ kind: 'use', label: 'Take mine', checkpoint: 'mine' });
    expect(expectationOf(at(GENTLE, { hasBases: undefined })).sentence).toBe(counted(TEXT));
  });

  it.each([
    ['one document', { documents: 1, withPartner: 22 }, /every chunk is the partner of every other/],
    ['nothing but copies', { documents: 5, copies: 4 }, /All documents say the same/],
    ['no partners', { withPartner: 0 }, /No chunk has a right answer/],
  ])('of %s is nothing that could be told, whatever the model', (_, facts, words) => {
    for (const configuration of [SMALL, GENTLE]) {
      const { outlook, sentence } = expectationOf(at(configuration, text(facts)));
      expect(outlook).toBe('nothing');
      expect(sentence).toMatch(words);
    }
  });

  it('of too little text is no run, until the batch is made smaller', () => {
    const { outlook, remedy } = expectationOf(at(SMALL, text({ chunks: 6, documents: 3 })));
    expect(outlook).toBe('impossible');
    expect(remedy).toEqual({ kind: 'set', label: 'Batches of 6', changes: { chunks: 6, groupSize: 2 } });
    expect(expectationOf(at(SMALL, text({ chunks: 3, documents: 3 }))).remedy).toBeUndefined();
  });

  it('without a GPU is said before all else', () => {
    const { outlook, sentence, remedy } = expectationOf(at(SMALL, { hasWebGpu: false }));
    expect([outlook, remedy]).toEqual(['impossible', undefined]);
    expect(sentence).toContain('Without WebGPU');
  });

  it('of controls is that the retriever learns nothing, and one press lets it', () => {
    const control = expectationOf(at({ ...SMALL, attention: 'uniform' }));
    expect(control).toMatchObject({ outlook: 'nothing', remedy: { kind: 'set', changes: { attention: 'learned' } } });
    const frozen = expectationOf(at({ ...SMALL, freezeRetriever: true }));
    expect(frozen).toMatchObject({ outlook: 'nothing', remedy: { changes: { freezeRetriever: false } } });
  });

  it('of the facts is what their presets say; of other settings on them it is open', () => {
    const facts = (changes: Record<string, unknown>) => expectationOf(at(configure(changes), { text: undefined }));
    expect(facts({}).sentence).toBe(preset('facts').expectation);
    expect(facts({ temperature: 0.3 })).toMatchObject({ outlook: 'open' });
    expect(facts({ attention: 'uniform' }).outlook).toBe('nothing');
    expect(facts({ temperature: 1e-4 })).toMatchObject({
      outlook: 'nothing',
      sentence: preset('facts-sharp').expectation,
    });
  });
});

describe('the batch for a text', () => {
  it('leaves something to be held out where it can, and is even', () => {
    expect(batchFor({ documents: 10, chunks: 20 }, 8)).toBe(8);
    expect(batchFor({ documents: 5, chunks: 10 }, 8)).toBe(6);
    expect(batchFor({ documents: 2, chunks: 6 }, 8)).toBe(6);
    expect(batchFor({ documents: 3, chunks: 3 }, 8)).toBeUndefined();
    expect(batchFor({ documents: 100, chunks: 400 }, 16)).toBe(16);
  });
});
