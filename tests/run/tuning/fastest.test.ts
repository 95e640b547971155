import { expect, test } from 'vitest';
import { fastest, type FastestOptions } from '../../../src/run/tuning/fastest.ts';

/** A device whose variants take these times a launch, ms, and its log of what was launched how often. */
function device(times: Readonly<Record<string, number | ((call: number) => number)>>) {
  const log: string[] = [];
  const launches: number[] = [];
  const calls = new Map<string, number>();
  let spent = 0;
  return {
    log,
    launches,
    get spent() {
      return spent;
    },
    time: async (variant: string, count: number): Promise<number> => {
      await Promise.resolve();
      log.push(variant);
      launches.push(count);
      const call = calls.get(variant) ?? 0;
      calls.set(variant, call + 1);
      const each = times[variant]!;
      const ms = count * (typeof each === 'number' ? each : each(call));
      spent += ms;
      return ms;
    },
  };
}

type Device = ReturnType<typeof device>;

function choose(on: Device, changes: Partial<FastestOptions<string>> = {}) {
  return fastest({
    variants: ['a', 'b', 'c'],
    byRule: 'a',
    leastMs: 2,
    time: on.time,
    mayTake: () => true,
    ...changes,
  });
}

test('all variants are looked at, then those that may be it in turn, five times', async () => {
  const on = device({ a: 3, b: 2.6, c: 2.9 });
  const found = await choose(on);
  // The first launch of the one by rule says how many there must be.
  expect(on.log.join('')).toBe('a' + 'abc'.repeat(5));
  expect(new Set(on.launches)).toEqual(new Set([1]));
  expect(found?.taken).toBe('b');
  expect(found?.times).toEqual([
    { variant: 'a', ms: 3 },
    { variant: 'b', ms: 2.6 },
    { variant: 'c', ms: 2.9 },
  ]);
});

test('short work is launched more often, all variants alike: for half a measurement to look, for a whole one to decide', async () => {
  const on = device({ a: 0.011, b: 0.0095, c: 0.012 });
  await choose(on);
  const decided = on.launches.at(-1)!;
  expect(decided * 0.0095).toBeGreaterThanOrEqual(2);
  expect(decided * 0.0095).toBeLessThan(4);
  const rounds = on.log.filter((_, i) => on.launches[i] === decided).join('');
  expect(rounds).toMatch(/^abc(abc|ab)(ab){3}$/);
  const looked = on.launches.at(-1 - rounds.length)!;
  expect(on.log.filter((_, i) => on.launches[i] === looked).slice(-3)).toEqual(['a', 'b', 'c']);
  expect(looked * 0.011).toBeGreaterThanOrEqual(1);
  expect(looked).toBeLessThan(decided);
});

test('where it is known how long work takes, it is launched so often at once', async () => {
  const on = device({ a: 0.011, b: 0.012, c: 0.0115 });
  await choose(on, { expected: 190 });
  expect(on.log.join('')).toBe('a' + 'abc'.repeat(5));
  expect(new Set(on.launches)).toEqual(new Set([190]));
});

test('work that takes no time that a clock can tell is launched so often and no more', async () => {
  const on = device({ a: 0, b: 0, c: 0 });
  const found = await choose(on);
  expect(found?.taken).toBe('a');
  expect(Math.max(...on.launches)).toBe(1024);
});

test.each([
  [2.71, 'a'],
  [2.69, 'b'],
])('a variant of %d ms against 3 by rule: %s is taken, since a tenth must be won', async (b, taken) => {
  expect((await choose(device({ a: 3, b, c: 4 })))?.taken).toBe(taken);
});

test('the median decides: two rounds that went wrong change nothing', async () => {
  const on = device({
    a: 3,
    b: (call) => (call === 1 || call === 3 ? 30 : 2.5),
    c: (call) => (call === 2 ? 0.1 : 2.9),
  });
  const found = await choose(on);
  expect(found?.taken).toBe('b');
  expect(found?.times.map(({ ms }) => ms)).toEqual([3, 2.5, 2.9]);
});

test('a variant far behind is looked at once, one that falls behind no longer than that, but for the one by rule', async () => {
  const on = device({ a: 9, b: 2, c: 5, d: 2.2, e: (call) => (call === 0 ? 2.3 : 2.8) });
  const found = await choose(on, { variants: ['a', 'b', 'c', 'd', 'e'] });
  expect(on.log.join('')).toBe('a' + 'abcde' + 'abde'.repeat(2) + 'abd'.repeat(2));
  expect(found?.taken).toBe('b');
  expect(found?.times.map(({ ms }) => ms)).toEqual([9, 2, 5, 2.2, 2.8]);
});

test('where the one by rule leaves all behind, a look is enough', async () => {
  const on = device({ a: 2, b: 4, c: 5 });
  expect((await choose(on))?.taken).toBe('a');
  expect(on.log.join('')).toBe('aabc');
});

test('nothing is begun that there is no time for, and half a measurement decides nothing', async () => {
  const slow = device({ a: 30, b: 20, c: 29 });
  expect(await choose(slow, { mayTake: (ms) => slow.spent + ms <= 160 })).toBeUndefined();
  expect(slow.log).toHaveLength(4);
  const none = device({ a: 3, b: 2, c: 4 });
  expect(await choose(none, { mayTake: () => false })).toBeUndefined();
  expect(none.log).toEqual([]);
});

test('stopped in the middle of a round, it is over before the next measurement', async () => {
  const on = device({ a: 3, b: 2.9, c: 3.1 });
  expect(await choose(on, { mayTake: () => on.log.length < 8 })).toBeUndefined();
  expect(on.log).toHaveLength(8);
});

test('what goes wrong on the device comes out as it is', async () => {
  const on = device({ a: 3, b: 2.9, c: 3.1 });
  const time = (variant: string, launches: number): Promise<number> =>
    on.log.length === 4 ? Promise.reject(new Error('lost')) : on.time(variant, launches);
  await expect(choose(on, { time })).rejects.toThrow('lost');
});
