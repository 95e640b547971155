import { afterEach, describe, expect, test, vi } from 'vitest';
import { contentOf, ReadersText } from '../../../src/ui/state/readersText.svelte.ts';
import { isLargeLoss, lostCharacters } from '../../../src/ui/state/textLoss.ts';

const NOVEL = 'It was a dark and stormy night. '.repeat(40);
const typed = (text: string) => ({ title: 'Pasted text', files: [{ name: 'Pasted text', text }] });

afterEach(() => vi.unstubAllGlobals());

function stored(value: string | null): void {
  vi.stubGlobal('localStorage', { getItem: () => value, setItem: () => undefined });
}

describe('what is lost by an edit', () => {
  test.each([
    ['', '', 0],
    ['abc', 'abcd', 0],
    ['abc', 'zabc', 0],
    ['abcdef', 'abef', 2],
    ['abcdef', 'abXef', 2],
    ['abcdef', '', 6],
    ['abcdef', 'uvw', 6],
    ['aaaa', 'aa', 2],
  ])('%j → %j: %i characters', (before, after, lost) => {
    expect(lostCharacters(before, after)).toBe(lost);
  });

  test('is large from half of the text on, and never what is blank', () => {
    expect(isLargeLoss('abcdef', 'abc', false)).toBe(true);
    expect(isLargeLoss('abcdef', 'abcd', false)).toBe(false);
    expect(isLargeLoss(' \n ', '', false)).toBe(false);
    expect(isLargeLoss('abcdef', '', true)).toBe(false);
    expect(isLargeLoss(NOVEL, '', true)).toBe(true);
  });
});

describe('the reader’s text', () => {
  test('can be brought back after everything was deleted, or something was pasted over it', () => {
    for (const after of ['', 'A word from the clipboard.']) {
      const text = new ReadersText();
      text.keep(typed(NOVEL));
      text.keep(typed(after));
      expect(text.before && contentOf(text.before)).toBe(NOVEL);
      expect(text.present && contentOf(text.present)).toBe(after);
    }
  });

  test('is not offered again once it is back', () => {
    const text = new ReadersText();
    text.keep(typed(NOVEL));
    text.keep(typed(''));
    text.keep(typed(NOVEL));
    expect(text.before).toBeUndefined();
  });

  test('brought back, it changes places with what stood there', () => {
    const text = new ReadersText();
    text.keep(typed(NOVEL));
    text.keep(typed('Short.'));
    text.keep(typed(NOVEL));
    expect(text.before && contentOf(text.before)).toBe('Short.');
  });

  test('is not driven out by scraps that are typed and deleted', () => {
    const text = new ReadersText();
    text.keep(typed(NOVEL));
    for (const content of ['', 'scrap', '', 'another', 'x']) text.keep(typed(content));
    expect(text.before && contentOf(text.before)).toBe(NOVEL);
  });

  test('is not offered while one types on', () => {
    const text = new ReadersText();
    for (const content of ['A', 'A text', 'A text that grows', 'A text that grew']) text.keep(typed(content));
    expect(text.before).toBeUndefined();
  });

  test('of the last visit is read; what is no text is left', () => {
    stored('{"title":"Pasted text","content":"Here."}');
    expect(new ReadersText().present).toEqual(typed('Here.'));
    for (const broken of ['{"title":1}', '"words"', '{"title":"a","content":7}', 'null', '[]', '{', null]) {
      stored(broken);
      expect(new ReadersText().present, String(broken)).toEqual({ title: '', files: [] });
    }
  });
});
