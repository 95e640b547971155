import { expect, test } from 'vitest';
import { tabClaims } from '../../src/files/store/claims.ts';

/** A browser's locks, as far as they are used: held until the promise is kept, and waited for in turn until the signal says no. */
function fakeLocks(): LockManager {
  const turns = new Map<string, Promise<unknown>>();
  const request = async (name: string, { signal }: LockOptions, use: () => unknown): Promise<unknown> => {
    const refused = new Promise<never>((_, no) => signal!.addEventListener('abort', () => no(signal!.reason as Error)));
    await Promise.race([turns.get(name), refused]);
    const mine = Promise.resolve(use());
    turns.set(name, mine);
    return mine;
  };
  return { request } as unknown as LockManager;
}

const WAIT_MS = 50;

test('what one tab has claimed no other can, until it claims something else', async () => {
  const locks = fakeLocks();
  const [one, other] = [tabClaims(locks, WAIT_MS), tabClaims(locks, WAIT_MS)];
  expect(await one('a')).toBe(true);
  expect(await other('a')).toBe(false);
  expect(await other('b')).toBe(true);
  expect(await one('b')).toBe(false);
  // What it had before is free, though the claim that came next was not granted.
  await Promise.resolve();
  expect(await other('a')).toBe(true);
});

test('a claim waits for one that is about to end: a worker that was stopped by force holds it for a while', async () => {
  const locks = fakeLocks();
  const [one, other] = [tabClaims(locks, WAIT_MS), tabClaims(locks, 60_000)];
  await one('a');
  const waiting = other('a');
  await one('b');
  expect(await waiting).toBe(true);
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
