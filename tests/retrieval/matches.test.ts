import { expect, test } from 'vitest';
import { matches } from '../../src/retrieval/matches.ts';
import { terms } from '../../src/retrieval/terms.ts';

const marked = (text: string, query: string, length = 400): string =>
  matches(text, new Set(terms(query)), length)
    .map((part) => (part.isMatch ? `[${part.text}]` : part.text))
    .join('');

test('words are marked as the lexical rankings take them', () => {
  expect(marked('The Ship, a ship: shipping.', 'SHIP a')).toBe('The [Ship], [a] [ship]: shipping.');
  expect(marked('Käse und ka\u0308se', 'käse')).toBe('[Käse] und [ka\u0308se]');
  expect(marked('東京都', '京')).toBe('東[京]都');
  expect(marked('nothing', 'else')).toBe('nothing');
  expect(marked('', 'else')).toBe('');
});

test('a long text is cut around its first match', () => {
  const text = `${'before '.repeat(40)}needle ${'after '.repeat(40)}`;
  const shown = marked(text, 'needle', 100);
  expect(shown.startsWith('… ')).toBe(true);
  expect(shown.endsWith(' …')).toBe(true);
  expect(shown).toContain(' [needle] after');
  expect(shown.length).toBeLessThan(110);
  // Of what begins with its match nothing before it is left out.
  expect(marked(text, 'before', 20).startsWith('[before]')).toBe(true);
  expect(marked(text, 'absent', 13)).toBe('before before …');
});
