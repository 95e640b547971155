import { describe, expect, it } from 'vitest';
import { Random } from '../../src/corpus/random.ts';

const draw = (random: Random, count = 8): number[] => Array.from({ length: count }, () => random.bits());

describe('Random', () => {
  it('repeats by seed, differs between seeds', () => {
    expect(draw(Random.fromSeed(5))).toEqual(draw(Random.fromSeed(5)));
    const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, 2 ** 40];
    expect(new Set(seeds.map((seed) => draw(Random.fromSeed(seed)).join())).size).toBe(seeds.length);
    expect(() => Random.fromSeed(Number.NaN)).toThrow(RangeError);
  });

  it('continues from a state that went through JSON', () => {
    const random = Random.fromSeed(3);
    random.normal();
    const state = JSON.parse(JSON.stringify(random.state)) as typeof random.state;
    expect(draw(Random.fromState(state))).toEqual(draw(random));
  });

  it('forks by label alone', () => {
    const random = Random.fromSeed(3);
    const before = draw(random.fork('a'));
    draw(random);
    expect(draw(random.fork('a'))).toEqual(before);
    expect(draw(random.fork('b'))).not.toEqual(before);
    expect(draw(Random.fromSeed(4).fork('a'))).not.toEqual(before);
  });

  // With fixed seeds these are exact checks; bounds are 5 standard errors of the sample.
  it('is uniform, also between successive numbers and across forks', () => {
    const n = 40_000;
    const sources = [Random.fromSeed(11), Random.fromSeed(0)];
    for (const source of sources) {
      const cells = new Array<number>(64).fill(0);
      let serial = 0;
      let last = source.uniform();
      for (let i = 0; i < n; i++) {
        const x = source.uniform();
        cells[Math.floor(x * 64)]! += 1;
        serial += (x - 0.5) * (last - 0.5);
        last = x;
      }
      const chiSquare = cells.reduce((sum, count) => sum + (count - n / 64) ** 2 / (n / 64), 0);
      expect(Math.abs(chiSquare - 63)).toBeLessThan(5 * Math.sqrt(2 * 63));
      expect(Math.abs(serial / n)).toBeLessThan(5 / 12 / Math.sqrt(n));
    }
    const firsts = Array.from({ length: n }, (_, i) => Random.fromSeed(0).fork(`train ${i}`).uniform());
    const mean = firsts.reduce((sum, x) => sum + x, 0) / n;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * n));
  });

  it('draws normals with the right moments', () => {
    const random = Random.fromSeed(2);
    const n = 40_000;
    const x = Array.from({ length: n }, () => random.normal());
    const moment = (power: number): number => x.reduce((sum, value) => sum + value ** power, 0) / n;
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it('draws every integer below a bound, and shuffles into every order alike', () => {
    const random = Random.fromSeed(9);
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.shuffle(['a', 'b', 'c']).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt((6000 * 5) / 36));
    expect(random.integer(1)).toBe(0);
    expect(() => random.integer(0)).toThrow(RangeError);
    expect(() => random.integer(1.5)).toThrow(RangeError);
  });
});
