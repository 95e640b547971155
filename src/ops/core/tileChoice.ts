import type { GpuInfo } from '../../gpu/device.ts';
import {
  cutGemm,
  GPU_TILES,
  SOFTWARE_TILES,
  splitsOf,
  type GemmCut,
  type GemmTile,
  type TileSet,
} from './gemmTiles.ts';
import type { DType } from './tensor.ts';

/** What decides which tile is fastest: how the operands lie, how B is stored, and the sizes. */
export interface ProductShape {
  readonly layout: 'NN' | 'NT' | 'TN';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Of B. */
  readonly dtype: DType;
}

/** A product that was measured with several tiles: what was found holds for all of its class. */
export interface MeasuredProduct extends ProductShape {
  /** The one to be taken. */
  readonly tile: GemmTile['name'];
  /** ms a product, by the names of tiles: medians. */
  readonly times: Readonly<Partial<Record<GemmTile['name'], number>>>;
}

const LAYOUTS: readonly ProductShape['layout'][] = ['NN', 'NT', 'TN'];
const DTYPES: readonly DType[] = ['f32', 'bf16', 'f16', 'i8', 'u32'];

/**
 * Products of a class are alike in layout and storage, and in each size up to the next power of two: batches are not of one length, and
 * what was measured on one holds for the next. A number, since every product of every step asks for it.
 */
export function classOf({ layout, m, n, k, dtype }: ProductShape): number {
  const kind = LAYOUTS.indexOf(layout) * DTYPES.length + DTYPES.indexOf(dtype);
  return ((kind * 32 + bits(m)) * 32 + bits(n)) * 32 + bits(k);
}

/** The smallest b with size ≤ 2^b. */
function bits(size: number): number {
  return size <= 1 ? 0 : 32 - Math.clz32(size - 1);
}

/**
 * Which tile each product takes: the one that was measured to be fastest for its class, else the one that should be by rule. Whatever is
 * taken, results are the same to the bit, so that what was measured may change between any two steps.
 */
export class TileChoice {
  #measured: readonly MeasuredProduct[] = [];
  #tiles = new Map<number, GemmTile>();
  #version = 0;
  /** Hears of every product whose tile is asked for. */
  onProduct: ((product: ProductShape) => void) | undefined;

  constructor(readonly set: TileSet) {}

  /** For a GPU that describes itself so. */
  static of({ software }: Pick<GpuInfo, 'software'>): TileChoice {
    return new TileChoice(software ? SOFTWARE_TILES : GPU_TILES);
  }

  /** What is known of this device; empty: the rule alone. */
  get measured(): readonly MeasuredProduct[] {
    return this.#measured;
  }

  /** Changes with what is known: commands that were recorded before may launch other tiles than those recorded now. */
  get version(): number {
    return this.#version;
  }

  /** From now on these decide; those that name a tile that is not there are passed over. */
  take(measured: readonly MeasuredProduct[]): void {
    const found = new Map(this.set.tiles.map((tile) => [tile.name, tile]));
    this.#measured = measured.filter(({ tile }) => found.has(tile));
    this.#tiles = new Map(this.#measured.map((product) => [classOf(product), found.get(product.tile)!]));
    this.#version++;
  }

  /** How a product is cut into workgroups. */
  cut(product: ProductShape): GemmCut {
    this.onProduct?.(product);
    const { m, n, k } = product;
    const tile = this.#tiles.size > 0 ? this.#tiles.get(classOf(product)) : undefined;
    return tile ? { tile, splits: splitsOf(m, n, k, this.set) } : cutGemm(m, n, k, this.set);
  }
}
