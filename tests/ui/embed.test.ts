import { expect, test, vi } from 'vitest';
import { embedAddress, EMBEDS, embedSnippet, readEmbed } from '../../src/ui/embed/address.ts';

const PAGE = 'https://example.org/revela/';

test('what an address embeds is what the snippet was made for', () => {
  for (const { kind } of EMBEDS) {
    for (const theme of ['system', 'light', 'dark'] as const) {
      const { search } = new URL(embedAddress(PAGE, kind, theme, ''));
      expect(readEmbed(search)).toEqual({ kind, theme });
    }
  }
  expect(readEmbed('')).toBeUndefined();
  expect(readEmbed('?theme=dark')).toBeUndefined();
  expect(readEmbed('?embed')).toEqual({ kind: 'story', theme: 'system' });
  expect(readEmbed('?embed=else&theme=pink')).toEqual({ kind: 'else', theme: 'system' });
});

test('settings go along where something is trained', () => {
  const code = 'v=1&preset=facts&temperature=0.03';
  expect(embedAddress(PAGE, 'live', 'dark', code)).toBe(`${PAGE}?embed=live&theme=dark#${code}`);
  expect(embedAddress(PAGE, 'story', 'dark', code)).toBe(`${PAGE}?embed=story&theme=dark`);
});

test('the snippet is one element with an escaped address and a title', () => {
  const snippet = embedSnippet(`${PAGE}?embed=live&theme=dark#a="b"`);
  expect(snippet).toMatch(/^<iframe [^<>]*><\/iframe>$/);
  expect(snippet).toContain('?embed=live&amp;theme=dark#a=&quot;b&quot;"');
  expect(snippet).toContain('title="Revela playground"');
});

test('in a frame nothing that is kept is read or changed', async () => {
  const kept = new Map([['revela.theme', '"dark"']]);
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
  vi.resetModules();
  const { keepNothing, load, save } = await import('../../src/ui/state/storage.ts');
  expect(load('theme')).toBe('dark');
  keepNothing();
  expect(load('theme')).toBeUndefined();
  save('theme', 'light');
  expect([...kept]).toEqual([['revela.theme', '"dark"']]);
  vi.resetModules();
});
