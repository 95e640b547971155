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

const LARGE_TILE: GemmTile = { name: 'large', m: 64, n: 64, k: 16, rows: 4, rate: 1 };

/** Every tile in use. Workgroup memory: 9, 4.5 and 2.25 KiB; threads: 256, 64 and 64. All step through K alike: see TileSet. */
export const GEMM_TILES: readonly GemmTile[] = [
  LARGE_TILE,
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

/**
 * What a device chooses from. All tiles of a set have the same `k`: with equal splits they add the same numbers in the same order, so that
 * results are equal to the bit whichever is taken.
 */
export interface TileSet {
  readonly tiles: readonly GemmTile[];
  /** Workgroups that the device needs to be busy. */
  readonly workgroups: number;
  /** By whose size K is split: it must not depend on the tile that is taken. */
  readonly splitBy: GemmTile;
}

export const GPU_TILES: TileSet = { tiles: GEMM_TILES, workgroups: GPU_WORKGROUPS, splitBy: LARGE_TILE };
export const SOFTWARE_TILES: TileSet = { tiles: [DIRECT_TILE], workgroups: CPU_WORKGROUPS, splitBy: DIRECT_TILE };

export interface GemmCut {
  readonly tile: GemmTile;
  /** Stretches of K computed side by side and summed afterwards; 1 for most products. */
  readonly splits: number;
}

/** In how many stretches K is cut: as many as keep the device busy. Depends on the sizes and the kind of device alone. */
export function splitsOf(m: number, n: number, k: number, { workgroups, splitBy }: TileSet): number {
  const count = Math.ceil(m / splitBy.m) * Math.ceil(n / splitBy.n);
  return Math.max(1, Math.min(Math.ceil(workgroups / count), Math.floor(k / SHORTEST_SPLIT)));
}

/** The split of a product of these sizes, and the tile with which it should be fastest where nobody has measured that. */
export function cutGemm(m: number, n: number, k: number, set: TileSet = GPU_TILES): GemmCut {
  const splits = splitsOf(m, n, k, set);
  let best: GemmTile | undefined;
  let lowest = Infinity;
  for (const tile of set.tiles) {
    const count = Math.ceil(m / tile.m) * Math.ceil(n / tile.n);
    // Cores without a workgroup cost as much as busy ones.
    const cost = (Math.max(count * splits, set.workgroups) * tile.m * tile.n) / tile.rate;
    if (cost < lowest) {
      lowest = cost;
      best = tile;
    }
  }
  if (!best) throw new Error('A matrix product needs at least one tile to choose from.');
  return { tile: best, splits };
}
