import type { Imitated } from '../../gpu/dryDevice.ts';
import { gemm } from '../../ops/core/gemm.ts';
import { splitsOf, type GemmCut, type TileSet } from '../../ops/core/gemmTiles.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { tensorBytes, type Tensor } from '../../ops/core/tensor.ts';
import { classOf, type ProductShape } from '../../ops/core/tileChoice.ts';
import type { ObjectiveBatch } from '../../objectives/objective.ts';
import type { BatchFeed } from '../../training/trainer.ts';
import { SOME_STEPS } from '../kernelsAhead.ts';
import { countedRun, dryRuntime, type PlannedRun } from '../memoryPlan.ts';

/** A matrix product of a run's steps, which stands for all of its class. */
export interface WeighedProduct extends ProductShape {
  /** Part of the work of all products of a step that its class does. */
  readonly share: number;
}

/** A class that does less of a step's work is not worth being measured. */
const LEAST_SHARE = 0.005;

/**
 * The products of a step by their classes, those that do most first, each by its largest. Found as the memory plan is, without a GPU.
 * @param like the GPU that it is to run on
 * @param feed the batches that it will train on, where they are known; else one that is full
 * @throws GpuLimitError when a buffer is larger than that GPU allows
 */
export async function productsOf(
  run: PlannedRun,
  like: Imitated,
  feed?: BatchFeed<ObjectiveBatch>,
): Promise<WeighedProduct[]> {
  const { runtime } = dryRuntime(like);
  const classes = new Map<number, { largest: ProductShape; flops: number }>();
  const { trainer } = await countedRun(runtime, run, feed);
  runtime.tiles.onProduct = (product) => {
    const key = classOf(product);
    const known = classes.get(key);
    const flops = flopsOf(product);
    const largest = known && flopsOf(known.largest) >= flops ? known.largest : product;
    classes.set(key, { largest, flops: (known?.flops ?? 0) + flops });
  };
  for (let step = 0; step < (feed ? SOME_STEPS : 1); step++) await trainer.step();
  const all = [...classes.values()].sort((a, b) => b.flops - a.flops);
  const total = all.reduce((sum, { flops }) => sum + flops, 0);
  return all.map(({ largest, flops }) => ({ ...largest, share: flops / total })).filter(hasWeight);
}

/** The first of each class. */
export function ofOneClassEach<T extends ProductShape>(products: readonly T[]): T[] {
  const classes = new Set<number>();
  return products.filter((product) => {
    const key = classOf(product);
    return !classes.has(key) && classes.add(key);
  });
}

function hasWeight({ share }: WeighedProduct): boolean {
  return share >= LEAST_SHARE;
}

/** Operations of a product. */
export function flopsOf({ m, n, k }: ProductShape): number {
  return 2 * m * n * k;
}

/** Tiles of the largest kind that keep a device busy so often over say all that more of them would. */
const TIMES_BUSY = 8;
/** And no fewer. */
const LEAST_TILES = 64;
/** As much of K as tells tiles apart, of each stretch that it is split into. */
const ENOUGH_K = 1024;

/**
 * A product like this one, of as many rows and columns and as long a K as it takes to tell tiles apart: the whole of a large one would
 * take a third of a second by itself. With the same splits.
 * @param workgroups that keep the device busy
 */
export function partOf<T extends ProductShape>(product: T, set: TileSet, workgroups = set.workgroups): T {
  const { tiles } = set;
  const [rows, columns] = [Math.max(...tiles.map(({ m }) => m)), Math.max(...tiles.map(({ n }) => n))];
  let [down, across] = [Math.ceil(product.m / rows), Math.ceil(product.n / columns)];
  while (down * across > Math.max(LEAST_TILES, TIMES_BUSY * workgroups)) {
    if (down * rows > across * columns) down = Math.ceil(down / 2);
    else across = Math.ceil(across / 2);
  }
  return {
    ...product,
    m: Math.min(product.m, down * rows),
    n: Math.min(product.n, across * columns),
    k: Math.min(product.k, ENOUGH_K * splitsOf(product.m, product.n, product.k, set)),
  };
}

/** The three matrices of a product; A and the result f32. */
export interface Operands {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
}

/** Bytes of these, without scales. */
export function operandBytes({ m, n, k, dtype }: ProductShape): number[] {
  return [tensorBytes([m, k], 'f32'), tensorBytes([n, k], dtype), tensorBytes([m, n], 'f32')].map(
    ({ numbers }) => numbers,
  );
}

/** Shapes of the matrices as they are stored. */
export function operandShapes({ layout, m, n, k }: ProductShape): { a: number[]; b: number[]; out: number[] } {
  return { a: layout === 'TN' ? [k, m] : [m, k], b: layout === 'NT' ? [n, k] : [k, n], out: [m, n] };
}

/** Records a product and nothing beside it. `cut`: instead of what the runtime would choose. */
export function multiply(runtime: Runtime, product: ProductShape, { a, b, out }: Operands, cut?: GemmCut): void {
  const { layout, m, n, k, precision } = product;
  const [strideA, strideB] = [layout === 'TN' ? m : k, layout === 'NT' ? k : n];
  gemm(runtime, {
    layout,
    m,
    n,
    k,
    a: { tensor: a, stride: strideA },
    b: { tensor: b, stride: strideB },
    out: { tensor: out },
    precision,
    cut,
  });
}
