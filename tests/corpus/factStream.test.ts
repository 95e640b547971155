import { describe, expect, it } from 'vitest';
import { FactStream, heldOutNames } from '../../src/corpus/sources/factStream.ts';
import { ATTRIBUTES, NAMES, TEMPLATES, factVocabulary } from '../../src/corpus/sources/factWords.ts';
import type { Attribute } from '../../src/corpus/sources/factWords.ts';
import { TextTokenizer } from '../../src/corpus/tokenizer/tokenizer.ts';
import type { Batch } from '../../src/corpus/types.ts';
import { wordTokenizerFiles } from '../../src/corpus/tokenizer/wordTokenizer.ts';

const PATTERNS = TEMPLATES.map((template) => new RegExp(`^${template.replace(/\{(\w+)\}/g, '(?<$1>\\S+)')}$`));

/** Takes a sentence apart: its template and what it says. */
function understand(text: string): { template: number; name: string; attributes: string } {
  for (const [template, pattern] of PATTERNS.entries()) {
    const groups = pattern.exec(text)?.groups;
    if (!groups) continue;
    const name = groups.name ?? '';
    const keys = Object.keys(ATTRIBUTES) as Attribute[];
    const words = keys.map((key) => groups[key] ?? '');
    const known = NAMES.includes(name) && keys.every((key, i) => ATTRIBUTES[key].includes(words[i] ?? ''));
    if (known) return { template, name, attributes: words.join(' ') };
  }
  throw new Error(`Not a fact sentence: ${text}`);
}

const training = (stream: FactStream, count: number): Batch[] =>
  Array.from({ length: count }, (_, step) => stream.batchAt(step));

describe('fact words', () => {
  it('are 60 names, four lists of 20 and four templates of 12 words, all distinct', () => {
    const lists = Object.values(ATTRIBUTES);
    const content = [...NAMES, ...lists.flat()];
    const fixed = new Set(TEMPLATES.flatMap((template) => template.split(' ')).filter((word) => !word.includes('{')));
    expect(NAMES).toHaveLength(60);
    expect(lists.map((list) => list.length)).toEqual([20, 20, 20, 20]);
    expect(new Set(content).size).toBe(140);
    expect(content.filter((word) => fixed.has(word))).toEqual([]);
    expect(TEMPLATES.map((template) => template.split(' ').length)).toEqual([12, 12, 12, 12]);
    expect(new Set(TEMPLATES.map((template) => template.split(' ')[0])).size).toBe(4);
    const order = (template: string): string => (template.match(/\{\w+\}/g) ?? []).join();
    expect(new Set(TEMPLATES.map(order)).size).toBe(4);
    expect(factVocabulary()).toHaveLength(140 + fixed.size);
  });

  it('read well after "a"', () => {
    for (const word of [...ATTRIBUTES.trait, ...ATTRIBUTES.job, ...ATTRIBUTES.pet]) expect(word).toMatch(/^[^aeiou]/);
  });
});

describe('FactStream', () => {
  it.each([
    [8, 2],
    [4, 2],
    [32, 2],
    [12, 3],
    [16, 4],
  ])('makes batches of %i with %i tellings of each fact', (batchSize, chunksPerFact) => {
    const stream = new FactStream({ batchSize, chunksPerFact, seed: 1 });
    for (const batch of [...training(stream, 20), ...stream.heldOutBatches(5)]) {
      expect(batch.chunks).toHaveLength(batchSize);
      expect(batch.labels).toEqual(batch.chunks.map((chunk) => chunk.document));
      const facts = new Map<number, ReturnType<typeof understand>[]>();
      for (const chunk of batch.chunks) {
        const told = understand(chunk.text);
        expect(told.name).toBe(chunk.documentTitle);
        facts.set(chunk.document, [...(facts.get(chunk.document) ?? []), told]);
      }
      expect(facts.size).toBe(batchSize / chunksPerFact);
      for (const tellings of facts.values()) {
        expect(tellings).toHaveLength(chunksPerFact);
        expect(new Set(tellings.map((told) => told.template)).size).toBe(chunksPerFact);
        expect(new Set(tellings.map((told) => `${told.name} ${told.attributes}`)).size).toBe(1);
      }
      expect(new Set([...facts.values()].map(([told]) => told?.name)).size).toBe(facts.size);
    }
  });

  it('keeps held-out names and attribute combinations out of training', () => {
    const told = (batches: Batch[]): ReturnType<typeof understand>[] =>
      batches.flatMap(({ chunks }) => chunks.map(({ text }) => understand(text)));
    const trained = [0, 1].flatMap((seed) => told(training(new FactStream({ seed }), 1500)));
    const heldOut = told(new FactStream().heldOutBatches(200));
    const names = new Set(trained.map(({ name }) => name));
    expect([...names].sort()).toEqual(NAMES.filter((name) => !heldOutNames.has(name)).sort());
    expect(new Set(heldOut.map(({ name }) => name))).toEqual(heldOutNames);
    const combinations = new Set(trained.map(({ attributes }) => attributes));
    expect(heldOut.filter(({ attributes }) => combinations.has(attributes))).toEqual([]);
  });

  it('tells each fact of a batch once more, in a sentence that the batch has not', () => {
    const stream = new FactStream();
    const retold = stream.retold(3).map(understand);
    const told = stream.batchAt(3).chunks.map(({ text }) => understand(text));
    expect(retold).toHaveLength(4);
    for (const again of retold) {
      const tellings = told.filter(({ name, attributes }) => name === again.name && attributes === again.attributes);
      expect(tellings).toHaveLength(2);
      expect(tellings.map(({ template }) => template)).not.toContain(again.template);
    }
    expect(new FactStream({ chunksPerFact: 4 }).retold(0)).toEqual([]);
  });

  it('depends on seed and step alone, and measures all seeds on the same held-out batches', () => {
    const [a, b, c] = [new FactStream({ seed: 4 }), new FactStream({ seed: 4 }), new FactStream({ seed: 5 })];
    expect(b.batchAt(17)).toEqual(training(a, 18)[17]);
    expect(c.batchAt(17)).not.toEqual(a.batchAt(17));
    expect(a.batchAt(0)).not.toEqual(a.batchAt(1));
    expect(c.heldOutBatches(3)).toEqual(a.heldOutBatches(10).slice(0, 3));
  });

  it('shuffles: partners stand anywhere', () => {
    const distances = new Set<number>();
    for (const { labels } of training(new FactStream(), 50)) {
      distances.add(labels.indexOf(labels[0] ?? -1, 1));
    }
    expect([...distances].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('has a closed word vocabulary: 12 tokens a chunk, none unknown', () => {
    const tokenizer = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
    const unknown = tokenizer.encode('zebra')[0];
    for (const { chunks } of training(new FactStream(), 50)) {
      for (const { text } of chunks) {
        const ids = tokenizer.encode(text);
        expect(ids).toHaveLength(12);
        expect(ids).not.toContain(unknown);
        expect(tokenizer.decode(ids)).toBe(text);
      }
    }
  });

  it.each([
    [{ batchSize: 7 }, 'invalid-option'],
    [{ batchSize: 0 }, 'invalid-option'],
    [{ batchSize: Number.NaN }, 'invalid-option'],
    [{ chunksPerFact: 5, batchSize: 10 }, 'invalid-option'],
    [{ batchSize: 34 }, 'batch-too-large'],
  ])('refuses %j', (options, code) => {
    expect(() => new FactStream(options)).toThrow(expect.objectContaining({ code }));
  });
});
