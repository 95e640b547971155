import { describe, expect, test } from 'vitest';
import { pastedText } from '../../../src/corpus/given.ts';
import { divideText } from '../../../src/corpus/sources/division/division.ts';
import type { Unit } from '../../../src/corpus/sources/division/units.ts';
import { collectionOfText } from '../../../src/evaluation/collections/ownText.ts';

async function made(name: string, text: string, unit: Unit) {
  const { documents } = await divideText(pastedText(name, text), { unit });
  return collectionOfText(documents, { title: name, fileNames: [name] });
}

const BODY = 'It has eight words of its own, and one more.';

describe('queries for a text that nobody judged', () => {
  test('are the headings, which their documents lack', async () => {
    const text = `# Cold seas\n\n${BODY} Here are gulls.\n\n# Warm seas\n\n${BODY} Here are fish.`;
    const { documents, queries, qrels, notices } = await made('a.md', text, 'section');
    expect(queries).toEqual([
      { id: '1', text: 'Cold seas' },
      { id: '2', text: 'Warm seas' },
    ]);
    expect(documents).toEqual([
      { id: '1', title: '', text: `${BODY} Here are gulls.` },
      { id: '2', title: '', text: `${BODY} Here are fish.` },
    ]);
    expect([...qrels]).toEqual([
      ['1', new Map([['1', 1]])],
      ['2', new Map([['2', 1]])],
    ]);
    expect(notices).toEqual([
      expect.stringMatching(/^Nobody has judged this text\. Queries are 2 headings, each taken/),
    ]);
  });

  test('are first sentences where there is no heading, and those are gone from the rest', async () => {
    const text = `Gulls are loud. ${BODY}\n\nFish are silent birds. ${BODY} And so on.`;
    const { documents, queries, notices } = await made('a.txt', text, 'paragraph');
    expect(queries.map(({ text: query }) => query)).toEqual(['Gulls are loud.', 'Fish are silent birds.']);
    expect(documents.map((document) => document.text)).toEqual([BODY, `${BODY} And so on.`]);
    expect(notices[0]).toContain('Queries are 2 first sentences');
  });

  test('are none that several documents share or that are too short, and then it is said of how many', async () => {
    const part = (heading: string, rest: string) => `# ${heading}\n\n${rest}\n\n`;
    const text =
      part('In common', `${BODY} One.`) +
      part('In common', `${BODY} Two.`) +
      part('Gulls', `${BODY} Three.`) +
      part('Too short', 'Only this.') +
      part('Of gulls', `${BODY} Four.`) +
      part('Of fish', `${BODY} Five.`);
    const { documents, queries, notices } = await made('a.md', text, 'section');
    expect(queries.map(({ text: query }) => query)).toEqual(['Of gulls', 'Of fish']);
    expect(documents).toHaveLength(6);
    expect(notices[0]).toMatch(/4 of 6 documents are asked for by none\.$/);
  });

  test('find each of several documents whose rest is the same', async () => {
    const text = `# One sea\n\n${BODY}\n\n# Two seas\n\n${BODY}\n\n# Three seas\n\n${BODY} Else.`;
    const { qrels } = await made('a.md', text, 'section');
    expect([...qrels.values()].map((labels) => [...labels.keys()])).toEqual([['1', '2'], ['1', '2'], ['3']]);
  });

  test('are refused where there are fewer than two', async () => {
    await expect(made('a.md', `# Alone\n\n${BODY}`, 'section')).rejects.toThrow('a.md has too little to ask for');
  });
});
