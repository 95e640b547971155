import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { configure } from '../../src/settings/configuration.ts';
import { Draft } from '../../src/ui/panels/settings/draft.svelte.ts';

let stored: Map<string, string>;
beforeEach(() => {
  stored = new Map();
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
  });
});
afterEach(() => vi.unstubAllGlobals());

test('values that contradict each other are complained about at one of them, and stand there after a reload', () => {
  const draft = new Draft();
  draft.set('seed', 7);
  draft.set('source', 'kitchen');
  draft.set('batching', 'random');
  draft.set('groupSize', 16);
  expect(draft.problem).toMatchObject({ key: 'groupSize' });

  const next = new Draft();
  expect(next.configuration).toEqual(draft.configuration);
  expect(next.problem).toEqual(draft.problem);
  next.set('groupSize', 2);
  expect(next.problem).toBeUndefined();
});

test.each([
  ['{"seed":7,"temperature":-1,"gone":3,"__proto__":{"vNorm":false}}', { seed: 7 }],
  ['null', {}],
  ['[1]', {}],
  ['"seed"', {}],
])('of %s what still fits is kept', (text, expected) => {
  stored.set('revela.settings', text);
  expect(new Draft().configuration).toEqual(configure(expected));
});
