import { expect, test } from 'vitest';
import { tabClaims } from '../../src/files/store/claims.ts';

/** A browser's locks, as far as they are used: granted at once or not at all, and held until the promise is kept. */
function fakeLocks(): LockManager {
  const held = new Set<string>();
  const request = async (
    name: string,
    _options: LockOptions,
    use: (lock: Lock | null) => unknown,
  ): Promise<unknown> => {
    if (held.has(name)) return use(null);
    held.add(name);
    try {
      return await use({ name, mode: 'exclusive' });
    } finally {
      held.delete(name);
    }
  };
  return { request } as unknown as LockManager;
}

test('what one tab has claimed no other can, until it claims something else', async () => {
  const locks = fakeLocks();
  const [one, other] = [tabClaims(locks), tabClaims(locks)];
  expect(await one('a')).toBe(true);
  expect(await other('a')).toBe(false);
  expect(await other('b')).toBe(true);
  expect(await one('b')).toBe(false);
  // What it had before is free, though the claim that came next was not granted.
  await Promise.resolve();
  expect(await other('a')).toBe(true);
});

test('a tab may claim again what it has', async () => {
  const claim = tabClaims(fakeLocks());
  expect(await claim('a')).toBe(true);
  expect(await claim('a')).toBe(true);
});

test('where the browser refuses, every claim is granted', async () => {
  const refusing = { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } as unknown as LockManager;
  expect(await tabClaims(refusing)('a')).toBe(true);
});

test('where there are no locks, every claim is granted', async () => {
  const [one, other] = [tabClaims(undefined), tabClaims(undefined)];
  expect([await one('a'), await other('a')]).toEqual([true, true]);
});
