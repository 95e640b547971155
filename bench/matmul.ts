import type { Context } from '../src/ops/context.ts';
import { gemm, type GemmSpec } from '../src/ops/gemm.ts';
import { GEMM_TILES, planGemm, type GemmPlan, type GemmTile } from '../src/ops/gemmTiles.ts';

/** One measured product. */
export interface MatmulRow {
  /** Where in a model the product occurs. */
  readonly what: string;
  readonly layout: GemmSpec['layout'];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: 'f32' | 'bf16';
  readonly tile: GemmTile['name'];
  /** Whether planGemm picks this tile on a GPU. */
  readonly planned: boolean;
  /** Best of the rounds, ms per product. */
  readonly ms: number;
  readonly gflops: number;
}

type Shape = Pick<MatmulRow, 'what' | 'layout' | 'm' | 'n' | 'k' | 'dtype'>;

/** Products of a step: a small model trained from scratch, and Qwen2.5-0.5B (D = 896, frozen bf16) over 2,500 tokens. */
const SHAPES: readonly Shape[] = [
  { what: 'small: projection', layout: 'NT', m: 100, n: 128, k: 128, dtype: 'f32' },
  { what: 'small: weight gradient', layout: 'TN', m: 128, n: 512, k: 100, dtype: 'f32' },
  { what: 'square', layout: 'NT', m: 2048, n: 2048, k: 2048, dtype: 'f32' },
  { what: '0.5B: gate/up', layout: 'NT', m: 2500, n: 9728, k: 896, dtype: 'bf16' },
  { what: '0.5B: down, input gradient', layout: 'NN', m: 2500, n: 4864, k: 896, dtype: 'bf16' },
  { what: '0.5B: LoRA A gradient', layout: 'TN', m: 48, n: 896, k: 2500, dtype: 'f32' },
  { what: '0.5B: head, one shard', layout: 'NT', m: 128, n: 37984, k: 896, dtype: 'bf16' },
  { what: '0.5B: head gradient', layout: 'NN', m: 128, n: 896, k: 37984, dtype: 'bf16' },
];

export interface BenchMatmulOptions {
  /** Leave out products of more multiply-adds than this: a software adapter needs minutes for the large ones. */
  readonly mostMultiplyAdds?: number;
  /** Measurements per product; the best counts. Default 5. */
  readonly rounds?: number;
}

/**
 * Measures every shape with every tile, by the wall time of a flush that holds enough products for some 50 ms. Only the best
 * round counts, since other work on the machine can only make a round slower.
 */
export async function benchMatmul(context: Context, options: BenchMatmulOptions = {}): Promise<MatmulRow[]> {
  const { mostMultiplyAdds = Infinity, rounds = 5 } = options;
  const rows: MatmulRow[] = [];
  for (const shape of SHAPES) {
    if (shape.m * shape.n * shape.k > mostMultiplyAdds) continue;
    const planned = planGemm(shape.m, shape.n, shape.k).tile;
    for (const tile of GEMM_TILES) {
      const ms = await measure(context, shape, planGemm(shape.m, shape.n, shape.k, { tiles: [tile] }), rounds);
      rows.push({
        ...shape,
        tile: tile.name,
        planned: tile === planned,
        ms,
        gflops: (2 * shape.m * shape.n * shape.k) / ms / 1e6,
      });
    }
  }
  return rows;
}

async function measure(context: Context, shape: Shape, plan: GemmPlan, rounds: number): Promise<number> {
  const { layout, m, n, k, dtype } = shape;
  const a = context.tensor([m * k]);
  const b = context.tensor([n * k], dtype, 'weights');
  const out = context.tensor([m, n]);
  // Zeros multiply as fast as other numbers, but what a buffer held before could be denormal, and that may not.
  for (const tensor of [a, b]) context.recorder.clear(tensor.slice);
  const run = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++)
      gemm(context, {
        layout,
        m,
        n,
        k,
        plan,
        a: { tensor: a, stride: layout === 'TN' ? m : k },
        b: { tensor: b, stride: layout === 'NT' ? k : n },
        out: { tensor: out },
      });
    const { gpuMs } = await context.recorder.flush();
    return gpuMs / times;
  };
  // The first run compiles, the second tells how many fit into 50 ms.
  await run(1);
  const times = Math.max(1, Math.min(200, Math.round(50 / (await run(1)))));
  let best = Infinity;
  for (let round = 0; round < rounds; round++) best = Math.min(best, await run(times));
  for (const tensor of [a, b, out]) tensor.release();
  await context.recorder.flush();
  return best;
}
