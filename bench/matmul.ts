import { DIRECT_TILE, GEMM_TILES, splitsOf, type GemmTile } from '../src/ops/core/gemmTiles.ts';
import { compare, phaseOf, type CompareOptions, type Variant } from './compare.ts';
import type { MeasuredRuntime } from './measuredRuntime.ts';
import { products, type Product } from '../src/run/deviceBench/products.ts';
import { multiply } from '../src/run/tuning/products.ts';
import type { ModelShape } from '../src/run/deviceBench/shapes.ts';
import { formatRatio, type Column, type Row } from './table.ts';

const ALL_TILES: readonly GemmTile[] = [...GEMM_TILES, DIRECT_TILE];

export const MATMUL_COLUMNS: readonly Column[] = [
  { key: 'model', title: 'model' },
  { key: 'what', title: 'product' },
  { key: 'layout', title: 'layout' },
  { key: 'm', title: 'M' },
  { key: 'n', title: 'N' },
  { key: 'k', title: 'K' },
  { key: 'dtype', title: 'B' },
  { key: 'chosen', title: 'chosen' },
  { key: 'ms', title: 'ms' },
  { key: 'gflops', title: 'GFLOP/s' },
  { key: 'gbytes', title: 'GB/s' },
  ...ALL_TILES.map(({ name }) => ({ key: name, title: name, format: formatRatio })),
];

/**
 * Products of one layer and of the head: forward (x·Wᵀ, NT), the gradient of the input (dy·W, NN) and of the weight
 * (dyᵀ·x, TN), each with every tile. Rows hold the chosen tile's time and what every tile takes relative to it.
 */
export async function benchMatmul(
  runtime: MeasuredRuntime,
  shape: ModelShape,
  options: CompareOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const product of products(shape))
    rows.push({ model: shape.name, ...(await measure(runtime, product, options)) });
  return rows;
}

async function measure(runtime: MeasuredRuntime, product: Product, options: CompareOptions): Promise<Row> {
  const { m, n, k, dtype } = product;
  const chosen = runtime.tiles.cut(product).tile;
  const a = runtime.tensor([m * k]);
  const b = runtime.tensor([n * k], dtype, 'weights');
  const out = runtime.tensor([m, n]);
  // Zeros multiply as fast as other numbers, but what a buffer held before could be denormal, and that may not.
  for (const tensor of [a, b]) runtime.recorder.clear(tensor.slice);
  const variants = ALL_TILES.map((tile): Variant => ({
    name: tile.name,
    *phases(times) {
      const cut = { tile, splits: splitsOf(m, n, k, runtime.tiles.set) };
      for (let i = 0; i < times; i++) multiply(runtime, product, { a, b, out }, cut);
      yield 'product';
    },
  }));
  const measured = await compare(runtime, variants, options);
  for (const tensor of [a, b, out]) tensor.release();
  runtime.pool.trim();
  const { ms, flops, bytes } = phaseOf(measured, chosen.name, 'product');
  return {
    ...product,
    chosen: chosen.name,
    ms,
    gflops: flops / ms / 1e6,
    gbytes: bytes / ms / 1e6,
    ...Object.fromEntries(ALL_TILES.map(({ name }) => [name, phaseOf(measured, name, 'product').ms / ms])),
  };
}
