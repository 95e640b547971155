import { expect, test } from 'vitest';
import { Random } from '../../../src/corpus/random.ts';
import { GPU_TILES, type GemmTile } from '../../../src/ops/core/gemmTiles.ts';
import { TileChoice, type MeasuredProduct, type ProductShape } from '../../../src/ops/core/tileChoice.ts';
import { fastest } from '../../../src/run/tuning/fastest.ts';
import { flopsOf, ofOneClassEach, partOf } from '../../../src/run/tuning/products.ts';
import { SeenTiles } from '../../../src/run/tuning/seenTiles.ts';

/** What a measurement takes beside its launches, and the clock's steps, ms; how far two measurements of one thing are apart. */
const ROUND_TRIP_MS = 0.3;
const CLOCK_MS = 0.1;
const NOISE = 0.03;
const CORES = 32;
const LEAST_MS = 2;

/** Products of many kinds: forward, and the two gradients, of layers as wide as small and large models have them. */
const PRODUCTS: readonly ProductShape[] = ofOneClassEach(
  [896, 2432, 4864, 9728, 18_992].flatMap((n) =>
    [512, 2560].flatMap((m): ProductShape[] => [
      { layout: 'NT', m, n, k: 896, dtype: 'bf16' },
      { layout: 'NN', m, n: 896, k: n, dtype: 'bf16' },
      { layout: 'TN', m: n, n: 896, k: m, dtype: 'f32' },
    ]),
  ),
).sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k);

/** A GPU of 32 workgroups and 4 TFLOP/s, on which each tile reaches a part of that, by layout; drawn. */
function madeGpu(seed: number) {
  const random = Random.fromSeed(seed);
  const reached = new Map<string, number>();
  for (const layout of ['NT', 'NN', 'TN'])
    for (const { name } of GPU_TILES.tiles) reached.set(`${layout} ${name}`, 0.15 + 0.55 * random.uniform());
  const msOf = ({ layout, m, n, k }: ProductShape, { name, m: rows, n: columns }: GemmTile): number => {
    const count = Math.ceil(m / rows) * Math.ceil(n / columns);
    const full = Math.ceil(count / CORES) * CORES;
    return (2 * full * rows * columns * k) / (4e9 * (reached.get(`${layout} ${name}`) ?? NaN));
  };
  let spent = 0;
  return {
    msOf,
    get spent() {
      return spent;
    },
    time: (product: ProductShape, tile: GemmTile, launches: number): Promise<number> => {
      const ms = launches * msOf(product, tile) * (1 + NOISE * (2 * random.uniform() - 1));
      spent += ms + ROUND_TRIP_MS;
      return Promise.resolve(Math.round(ms / CLOCK_MS) * CLOCK_MS);
    },
  };
}

/** What a tuner finds on it in so many ms, as src/run/tuning/tune.ts goes about it. */
async function tuned(seed: number, mostMs: number) {
  const gpu = madeGpu(seed);
  const choice = new TileChoice(GPU_TILES);
  const seen = new SeenTiles();
  const mayTake = (ms: number): boolean => gpu.spent + ms <= mostMs;
  const found: MeasuredProduct[] = [];
  for (const product of PRODUCTS) {
    const byRule = choice.byRule(product).tile;
    const part = partOf(product, GPU_TILES, CORES);
    const one = await fastest({
      variants: GPU_TILES.tiles.filter((tile) => tile === byRule || seen.isWorthALook(tile, byRule)),
      byRule,
      leastMs: LEAST_MS,
      expected: seen.launches(part, LEAST_MS),
      mayTake,
      time: (tile, launches) => gpu.time(part, tile, launches),
    });
    if (!one) break;
    const whole = flopsOf(product) / flopsOf(part);
    const times = Object.fromEntries(one.times.map(({ variant, ms }) => [variant.name, whole * ms]));
    found.push({ ...product, tile: one.taken.name, byRule: byRule.name, times });
    seen.add(found.at(-1)!);
  }
  return { gpu, found };
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

test('a third of a second is enough for some kinds of products, those that do most first', async () => {
  const reached = await Promise.all(SEEDS.map(async (seed) => (await tuned(seed, 300)).found.length));
  console.log(`kinds of products reached in 300 ms, of ${PRODUCTS.length}: ${reached.join(', ')}`);
  expect(Math.min(...reached)).toBeGreaterThanOrEqual(3);
});

test('what is taken is as fast as the fastest, but for the tenth that must be won and what noise hides', async () => {
  for (const seed of SEEDS) {
    const { gpu, found } = await tuned(seed, Infinity);
    expect(found).toHaveLength(PRODUCTS.length);
    for (const product of found) {
      const times = new Map(GPU_TILES.tiles.map((tile) => [tile.name, gpu.msOf(product, tile)]));
      const [taken, rule] = [times.get(product.tile)!, times.get(product.byRule)!];
      expect(taken, JSON.stringify(product)).toBeLessThanOrEqual(Math.min(...times.values()) * (1 + 4 * NOISE) * 1.15);
      expect(taken).toBeLessThanOrEqual(rule * (1 + 2 * NOISE));
    }
  }
});
