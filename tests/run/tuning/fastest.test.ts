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

test('variants are measured in turn, five rounds, each with launches enough for the fastest', async () => {
  const on = device({ a: 3, b: 2.5, c: 4 });
  const found = await choose(on);
  expect(on.log.join('')).toBe('abcabcabcabcabc');
  expect(new Set(on.launches)).toEqual(new Set([1]));
  expect(found?.taken).toBe('b');
  expect(found?.times).toEqual([
    { variant: 'a', ms: 3 },
    { variant: 'b', ms: 2.5 },
    { variant: 'c', ms: 4 },
  ]);
});

test('short work is launched more often, all variants alike, until the fastest takes long enough', async () => {
  const on = device({ a: 0.011, b: 0.01, c: 0.012 });
  await choose(on);
  const rounds = Array.from({ length: on.launches.length / 3 }, (_, i) => on.launches.slice(3 * i, 3 * i + 3));
  for (const [one, ...others] of rounds) expect(others).toEqual([one, one]);
  expect(on.launches.at(-1)! * 0.01).toBeGreaterThanOrEqual(2);
  expect(on.launches.at(-1)! * 0.01).toBeLessThan(4);
  expect(rounds.filter(([one]) => one === on.launches.at(-1))).toHaveLength(5);
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
  const on = device({ a: 3, b: (call) => (call === 1 || call === 3 ? 30 : 2.5), c: (call) => (call === 2 ? 0.1 : 4) });
  const found = await choose(on);
  expect(found?.taken).toBe('b');
  expect(found?.times.map(({ ms }) => ms)).toEqual([3, 2.5, 4]);
});

test('a variant far behind is measured once, but for the one by rule', async () => {
  const on = device({ a: 9, b: 2, c: 5 });
  const found = await choose(on);
  expect(on.log.join('')).toBe('abcabababab');
  expect(found?.times.map(({ ms }) => ms)).toEqual([9, 2, 5]);
});

test('nothing is begun that there is no time for, and half a measurement decides nothing', async () => {
  const slow = device({ a: 30, b: 20, c: 35 });
  expect(await choose(slow, { mayTake: (ms) => slow.spent + ms <= 300 })).toBeUndefined();
  expect(slow.log).toHaveLength(3);
  const none = device({ a: 3, b: 2, c: 4 });
  expect(await choose(none, { mayTake: () => false })).toBeUndefined();
  expect(none.log).toEqual([]);
});

test('stopped in the middle of a round, it is over before the next measurement', async () => {
  const on = device({ a: 3, b: 2, c: 3.5 });
  expect(await choose(on, { mayTake: () => on.log.length < 8 })).toBeUndefined();
  expect(on.log).toHaveLength(8);
});

test('what goes wrong on the device comes out as it is', async () => {
  const on = device({ a: 3, b: 2, c: 3.5 });
  const time = (variant: string, launches: number): Promise<number> =>
    on.log.length === 4 ? Promise.reject(new Error('lost')) : on.time(variant, launches);
  await expect(choose(on, { time })).rejects.toThrow('lost');
});
