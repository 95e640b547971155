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
import type { Arithmetic } from './arithmetic.ts';
import type { DType } from './tensor.ts';

/** What decides which tile is fastest: how the operands lie, how B is stored, and the sizes. */
export interface ProductShape {
  readonly layout: 'NN' | 'NT' | 'TN';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Of B. */
  readonly dtype: DType;
  /** What both are rounded to before they are multiplied. Default: f32. */
  readonly precision?: Arithmetic['products'];
}

/** A product that was measured with several tiles: what was found holds for all of its class. */
export interface MeasuredProduct extends ProductShape {
  /** The one to be taken. */
  readonly tile: GemmTile['name'];
  /** The one that would be taken otherwise. */
  readonly byRule: GemmTile['name'];
  /** ms a product, by the names of tiles: medians. */
  readonly times: Readonly<Partial<Record<GemmTile['name'], number>>>;
}

const LAYOUTS: readonly ProductShape['layout'][] = ['NN', 'NT', 'TN'];
const DTYPES: readonly DType[] = ['f32', 'bf16', 'f16', 'i8', 'u32'];

/**
 * Products of a class are alike in layout, storage and precision, and in each size up to the next power of two: batches are not of one length, and
 * what was measured on one holds for the next. A number, since every product of every step asks for it.
 */
export function classOf({ layout, m, n, k, dtype, precision = 'f32' }: ProductShape): number {
  const kind = (LAYOUTS.indexOf(layout) * DTYPES.length + DTYPES.indexOf(dtype)) * 2 + Number(precision === 'f16');
  return ((kind * 32 + bits(m)) * 32 + bits(n)) * 32 + bits(k);
}

/** The smallest b with size ≤ 2^b. */
function bits(size: number): number {
  return size <= 1 ? 0 : 32 - Math.clz32(size - 1);
}

/** What was measured, and where it holds. */
export interface TileTable {
  /** Names the device, what it is reached through, and the kernels; see run/tuning/deviceName.ts. */
  readonly device: string;
  readonly measured: readonly MeasuredProduct[];
  /** Workgroups that keep the device busy; absent where that was not measured. */
  readonly workgroups?: number | undefined;
}

/** Whether a value that was stored is one. */
export function isMeasuredProduct(value: unknown): value is MeasuredProduct {
  const {
    layout,
    dtype,
    precision = 'f32',
    m,
    n,
    k,
    tile,
    byRule,
    times,
  } = (value ?? {}) as Partial<Record<string, unknown>>;
  return (
    LAYOUTS.some((one) => one === layout) &&
    DTYPES.some((one) => one === dtype) &&
    (precision === 'f32' || precision === 'f16') &&
    [m, n, k].every((size) => Number.isSafeInteger(size) && (size as number) > 0) &&
    [tile, byRule].every((name) => typeof name === 'string') &&
    typeof times === 'object' &&
    times !== null &&
    Object.values(times).every((ms) => typeof ms === 'number')
  );
}

/** Whether a value that was stored is a number of workgroups. */
export function isWorkgroups(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/**
 * Which tile each product takes: the one that was measured to be fastest for its class, else the one that should be by rule. Whatever is
 * taken, results are the same to the bit, so that what was measured may change between any two steps.
 */
export class TileChoice {
  /** Where what is measured here holds; empty: nowhere else. */
  device = '';
  #measured: readonly MeasuredProduct[] = [];
  #tiles = new Map<number, GemmTile>();
  #workgroups: number | undefined;
  #isByRule = false;
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

  /** The same, to be kept. */
  get table(): TileTable {
    return { device: this.device, measured: this.#measured, workgroups: this.#workgroups };
  }

  /** Workgroups that keep this device busy, by which the rule goes; undefined: not measured, and as usual. */
  get workgroups(): number | undefined {
    return this.#workgroups;
  }

  set workgroups(workgroups: number | undefined) {
    if (workgroups === this.#workgroups) return;
    this.#workgroups = workgroups;
    this.#version++;
  }

  /** Whether the rule decides, whatever was measured. */
  get isByRule(): boolean {
    return this.#isByRule;
  }

  set isByRule(isByRule: boolean) {
    if (isByRule === this.#isByRule) return;
    this.#isByRule = isByRule;
    this.#version++;
  }

  /** Another that chooses alike, to be told more. */
  copy(): TileChoice {
    const other = new TileChoice(this.set);
    other.device = this.device;
    other.take(this.#measured);
    other.workgroups = this.#workgroups;
    other.isByRule = this.#isByRule;
    return other;
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

  /** The same, of a table that was kept: what is known here already stays, and of another device, or none at all, nothing is taken. */
  adopt(
    table:
      { readonly device: string; readonly measured: readonly unknown[]; readonly workgroups?: unknown } | undefined,
  ): void {
    if (!table || this.device === '' || table.device !== this.device || !Array.isArray(table.measured)) return;
    if (isWorkgroups(table.workgroups)) this.workgroups ??= table.workgroups;
    const known = new Set(this.#measured.map(classOf));
    const others = table.measured.filter(isMeasuredProduct).filter((product) => !known.has(classOf(product)));
    if (others.length > 0) this.take([...this.#measured, ...others]);
  }

  /** The same, of what was just measured: it takes the place of what was known of its classes. */
  learn(found: readonly MeasuredProduct[]): void {
    const classes = new Set(found.map(classOf));
    this.take([...this.#measured.filter((product) => !classes.has(classOf(product))), ...found]);
  }

  /** How a product is cut into workgroups. */
  cut(product: ProductShape): GemmCut {
    this.onProduct?.(product);
    const tile = this.#tiles.size > 0 && !this.#isByRule ? this.#tiles.get(classOf(product)) : undefined;
    return tile ? { tile, splits: splitsOf(product.m, product.n, product.k, this.set) } : this.byRule(product);
  }

  /** The same where nothing is known. */
  byRule({ m, n, k }: Pick<ProductShape, 'm' | 'n' | 'k'>): GemmCut {
    return cutGemm(m, n, k, this.set, this.#workgroups);
  }
}
