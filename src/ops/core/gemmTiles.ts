/** How a matrix product is cut into workgroups, and which of the kernels in shaders/gemm does it. */
export interface GemmTile {
  readonly name: 'large' | 'medium' | 'small' | 'double' | 'tall' | 'half' | 'quarter' | 'cached' | 'direct';
  /** By way of workgroup memory (lib/gemmTile.wgsl), of a GPU's caches (lib/gemmCached.wgsl), or for a CPU (lib/gemmDirect.wgsl). */
  readonly kernel: 'tiled' | 'cached' | 'direct';
  /** Rows and columns of the result per workgroup. */
  readonly m: number;
  readonly n: number;
  /** Of K per step, each of which is summed by itself: the same in all kernels, whose results are therefore equal to the bit. */
  readonly k: 16;
  /** Rows and columns per thread; of direct the most rows (directRows). */
  readonly rows: 1 | 4 | 8;
  readonly columns: 4 | 8;
  /** Of tiled: steps in workgroup memory. With two a thread waits once a step instead of twice. */
  readonly buffers?: 1 | 2;
  /**
   * Throughput per multiply-add of a full GPU, relative to the large tile: a tile of m × n reads (m + n) / (m · n) numbers
   * per multiply-add from global memory and (rows + 4) / (16 rows) vectors from workgroup memory. An estimate, not a measurement;
   * undefined: taken only where it was measured to be faster.
   */
  readonly rate: number | undefined;
}

const LARGE_TILE: GemmTile = { name: 'large', kernel: 'tiled', m: 64, n: 64, k: 16, rows: 4, columns: 4, rate: 1 };

/** For GPUs. Workgroup memory: 64 · (m + n) bytes, times buffers: 16 KiB at most, which every device has. Threads: 64 to 256. */
export const GEMM_TILES: readonly GemmTile[] = [
  LARGE_TILE,
  { name: 'medium', kernel: 'tiled', m: 32, n: 32, k: 16, rows: 4, columns: 4, rate: 0.7 },
  { name: 'small', kernel: 'tiled', m: 16, n: 16, k: 16, rows: 1, columns: 4, rate: 0.35 },
  { name: 'double', kernel: 'tiled', m: 64, n: 64, k: 16, rows: 4, columns: 4, buffers: 2, rate: undefined },
  { name: 'tall', kernel: 'tiled', m: 128, n: 64, k: 16, rows: 8, columns: 4, rate: undefined },
  { name: 'half', kernel: 'tiled', m: 64, n: 64, k: 16, rows: 8, columns: 4, rate: undefined },
  { name: 'quarter', kernel: 'tiled', m: 64, n: 64, k: 16, rows: 8, columns: 8, rate: undefined },
  { name: 'cached', kernel: 'cached', m: 32, n: 32, k: 16, rows: 4, columns: 4, rate: undefined },
];

/** Those of them that are taken where nobody has measured which is fastest. */
export const RULE_TILES: readonly GemmTile[] = GEMM_TILES.filter(({ rate }) => rate !== undefined);

/** For software GPUs (lib/gemmDirect.wgsl). */
export const DIRECT_TILE: GemmTile = {
  name: 'direct',
  kernel: 'direct',
  m: 8,
  n: 128,
  k: 16,
  rows: 8,
  columns: 8,
  rate: 1,
};

/**
 * Rows per thread, and per workgroup, of the direct kernel on a product of m rows: a block of 8 rows takes as long as 1.5 of 4 or 2.3 of 1
 * (measured on SwiftShader).
 */
export function directRows(m: number): 1 | 4 | 8 {
  return m > 4 ? 8 : m > 1 ? 4 : 1;
}

/** Workgroups below which a GPU has idle cores, where nobody has measured that: a laptop's has some 10 to 40, each with room for more than one. */
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
  /** Workgroups that such a device usually needs to be busy: splits follow from it, so it is not what was measured of one. */
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

/**
 * The split of a product of these sizes, and the tile with which it should be fastest where nobody has measured that.
 * @param busy workgroups that this very device needs to be busy: they decide on the tile alone
 */
export function cutGemm(
  m: number,
  n: number,
  k: number,
  set: TileSet = GPU_TILES,
  busy: number = set.workgroups,
): GemmCut {
  const splits = splitsOf(m, n, k, set);
  let best: GemmTile | undefined;
  let lowest = Infinity;
  for (const tile of set.tiles) {
    if (tile.rate === undefined) continue;
    const count = Math.ceil(m / tile.m) * Math.ceil(n / tile.n);
    // Cores without a workgroup cost as much as busy ones.
    const cost = (Math.max(count * splits, busy) * tile.m * tile.n) / tile.rate;
    if (cost < lowest) {
      lowest = cost;
      best = tile;
    }
  }
  if (!best) throw new Error('A matrix product needs at least one tile to choose from.');
  return { tile: best, splits };
}
