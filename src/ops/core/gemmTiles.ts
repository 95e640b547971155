/** How a matrix product is cut into workgroups: see shaders/lib/gemmTile.wgsl. */
export interface GemmTile {
  readonly name: 'large' | 'medium' | 'small' | 'direct';
  /** Rows and columns of the result per workgroup, and of K per step. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Rows per thread; columns per thread are always four. */
  readonly rows: number;
  /**
   * Throughput per multiply-add of a full GPU, relative to the large tile: a tile of m × n reads (m + n) / (m · n) numbers
   * per multiply-add from global memory and (rows + 4) / (16 rows) vectors from workgroup memory. An estimate, not a measurement.
   */
  readonly rate: number;
}

/** Every tile in use. Workgroup memory: 9, 4.5 and 2.25 KiB; threads: 256, 64 and 64. */
export const GEMM_TILES: readonly GemmTile[] = [
  { name: 'large', m: 64, n: 64, k: 16, rows: 4, rate: 1 },
  { name: 'medium', m: 32, n: 32, k: 16, rows: 4, rate: 0.7 },
  { name: 'small', m: 16, n: 16, k: 16, rows: 1, rate: 0.35 },
];

/** For software GPUs: no workgroup memory (shaders/lib/gemmDirect.wgsl). Sizes are fixed in the kernel. */
export const DIRECT_TILE: GemmTile = { name: 'direct', m: 16, n: 64, k: 4, rows: 4, rate: 1 };

/** Workgroups below which a GPU has idle cores: a laptop's has some 10 to 40, each with room for more than one. */
export const GPU_WORKGROUPS = 64;
/** The same for a software GPU: a CPU's cores. */
export const CPU_WORKGROUPS = 4;
/** No stretch of a split K is shorter: each costs one more write and read of the result. */
const SHORTEST_SPLIT = 512;

export interface GemmCut {
  readonly tile: GemmTile;
  /** Stretches of K computed side by side and summed afterwards; 1 for most products. */
  readonly splits: number;
}

export interface CutOptions {
  /** Workgroups that the device needs to be busy. Default: GPU_WORKGROUPS. */
  readonly workgroups?: number;
  /** What to choose from. Default: all. */
  readonly tiles?: readonly GemmTile[];
}

/** The tile and split with which a product of these sizes should be fastest; depends on nothing else, so runs can be repeated. */
export function cutGemm(m: number, n: number, k: number, options: CutOptions = {}): GemmCut {
  const { workgroups = GPU_WORKGROUPS, tiles = GEMM_TILES } = options;
  let best: GemmCut | undefined;
  let lowest = Infinity;
  for (const tile of tiles) {
    const count = Math.ceil(m / tile.m) * Math.ceil(n / tile.n);
    const splits = Math.max(1, Math.min(Math.ceil(workgroups / count), Math.floor(k / SHORTEST_SPLIT)));
    // Cores without a workgroup cost as much as busy ones.
    const cost = (Math.max(count * splits, workgroups) * tile.m * tile.n) / (splits * tile.rate);
    if (cost < lowest) {
      lowest = cost;
      best = { tile, splits };
    }
  }
  if (!best) throw new Error('A matrix product needs at least one tile to choose from.');
  return best;
}
