import { expect, test } from 'vitest';
import { NumberMap } from '../../src/gpu/numberMap.ts';
import { randomInt, seededRandom } from '../harness/numerics.ts';

test('finds what was added under just these numbers, however many share a hash', () => {
  const random = seededRandom(1);
  const map = new NumberMap<string>();
  const added = new Map<string, number[]>();
  for (let i = 0; i < 3000; i++) {
    // Few values and lengths, so that hashes meet and keys begin with one another.
    const key = Array.from(
      { length: randomInt(random, 0, 5) },
      () => [NaN, 0, 1, 2 ** 31, -1][randomInt(random, 0, 4)] ?? 0,
    );
    const name = key.join();
    expect(map.get([...key, 7], key.length)).toBe(added.has(name) ? name : undefined);
    if (added.has(name)) continue;
    map.add(key, key.length, name);
    added.set(name, key);
  }
  expect(map.size).toBe(added.size);
  for (const [name, key] of added) expect(map.get(key, key.length)).toBe(name);
  map.clear();
  expect([map.size, map.get([1], 1)]).toEqual([0, undefined]);
});
