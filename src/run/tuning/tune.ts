import { splitsOf, type GemmTile } from '../../ops/core/gemmTiles.ts';
import { Runtime } from '../../ops/core/runtime.ts';
import { classOf, type MeasuredProduct, type ProductShape } from '../../ops/core/tileChoice.ts';
import { compileAhead, type NeededKernel } from '../kernelsAhead.ts';
import { dryRuntime } from '../memoryPlan.ts';
import { fastest } from './fastest.ts';
import { SeenTiles } from './seenTiles.ts';
import { flopsOf, multiply, operandBytes, operandShapes, partOf, type Operands } from './products.ts';
import { measureWorkgroups } from './workgroups.ts';

/** What a tuner has found out. */
export interface Tuning {
  readonly found: readonly MeasuredProduct[];
  /** Workgroups that keep the device busy: as they were known, or measured now; undefined where there was no time for that. */
  readonly workgroups: number | undefined;
  /** Products that there was no time or no room for, or that came after it was stopped. */
  readonly left: number;
}

export interface TuningOptions {
  /** Time that may be spent measuring. */
  readonly mostMs: number;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

/** As much as a GPU's own clock needs, ms: browsers round it to 0.1 ms. */
const LEAST_BY_CLOCK_MS = 2;
/** Without one the way to the GPU and back is measured along, which varies. */
const LEAST_BY_WALL_MS = 4;
/** Products that take more memory are left to the rule: it may not be there. */
const MOST_BYTES = 512 * 2 ** 20;
/** Launches that teach the recorder how much it may send at once. */
const WARM_UP = 12;

/** Those whose class nothing is known of, and that can be measured here. */
export function unmeasured<T extends ProductShape>(runtime: Runtime, products: readonly T[]): T[] {
  if (!isTunable(runtime)) return [];
  const known = new Set(runtime.tiles.measured.map(classOf));
  return products.filter((product) => !known.has(classOf(product)));
}

/** Whether there is more than one tile to choose from. */
export function isTunable({ tiles }: Runtime): boolean {
  return tiles.set.tiles.length > 1;
}

/**
 * Compiles what measuring these products takes, so that it takes no time then.
 * @throws AbortError once `signal` says so; ShaderCompileError
 */
export async function compileTiles(
  runtime: Runtime,
  products: readonly ProductShape[],
  signal: AbortSignal,
): Promise<void> {
  const needed = new Map<string, NeededKernel>();
  if (runtime.tiles.workgroups === undefined) needed.set('', { kernel: 'devicePeak/fma', constants: {} });
  const dry = dryRuntime(runtime.gpu);
  dry.recorder.onDispatch = ({ kernel, constants = {} }) =>
    void needed.set(`${kernel} ${JSON.stringify(constants)}`, { kernel, constants });
  for (const product of products) {
    const part = partOf(product, runtime.tiles.set, runtime.tiles.workgroups);
    if (!hasRoom(runtime, part)) continue;
    withOperands(dry.runtime, part, (operands) => {
      for (const tile of runtime.tiles.set.tiles) multiply(dry.runtime, part, operands, cutOf(runtime, product, tile));
    });
  }
  await compileAhead(runtime.recorder.pipelines, [...needed.values()], signal);
}

/**
 * Measures which tile is fastest for each of these products, in their order, on buffers of its own; nothing of `runtime` is touched or
 * changed. Stopped or out of time, it hands back what it has: a product counts once it was measured to the end.
 * @throws the GPU's errors
 */
export async function tune(
  runtime: Runtime,
  products: readonly ProductShape[],
  { mostMs, signal, now = () => performance.now() }: TuningOptions,
): Promise<Tuning> {
  const found: MeasuredProduct[] = [];
  let { workgroups } = runtime.tiles;
  if (!isTunable(runtime)) return { found, workgroups, left: 0 };
  const until = now() + mostMs;
  const mayTake = (ms: number): boolean => !signal.aborted && now() + ms <= until;
  workgroups ??= await measureWorkgroups(runtime, mayTake);
  const classes = new Set(products.map(classOf));
  const seen = new SeenTiles(runtime.tiles.measured.filter((product) => !classes.has(classOf(product))));
  const own = new Runtime(runtime.gpu, runtime);
  own.recorder.clock = true;
  try {
    for (const product of products) {
      const part = partOf(product, runtime.tiles.set, workgroups);
      if (!hasRoom(runtime, part)) continue;
      if (!mayTake(0)) break;
      const measured = await tuneProduct(own, runtime, product, { part, mayTake, seen });
      if (measured) seen.add(measured);
      if (measured) found.push(measured);
    }
  } finally {
    own.close();
  }
  return { found, workgroups, left: products.length - found.length };
}

interface Circumstances {
  /** As much of the product as is multiplied to find out. */
  readonly part: ProductShape;
  readonly mayTake: (ms: number) => boolean;
  readonly seen: SeenTiles;
}

async function tuneProduct(
  own: Runtime,
  runtime: Runtime,
  product: ProductShape,
  { part, mayTake, seen }: Circumstances,
): Promise<MeasuredProduct | undefined> {
  own.beginScope();
  try {
    const operands = makeOperands(own, part);
    // What a buffer holds must not be numbers that multiply slowly.
    for (const { slice } of [operands.a, operands.b, operands.out]) own.recorder.clear(slice);
    const send = (tile: GemmTile, launches: number) => {
      for (let i = 0; i < launches; i++) multiply(own, part, operands, cutOf(runtime, product, tile));
      return own.recorder.flush();
    };
    const byRule = runtime.tiles.byRule(product).tile;
    // What is sent in pieces is measured in pieces: not before the recorder knows that it need not.
    for (let i = 0, pieces = Infinity; i < WARM_UP && mayTake(0); i++) {
      const { dispatches } = await send(byRule, 1);
      if (dispatches >= pieces) break;
      pieces = dispatches;
    }
    const leastMs = own.gpu.hasTimestamps ? LEAST_BY_CLOCK_MS : LEAST_BY_WALL_MS;
    const found = await fastest({
      variants: runtime.tiles.set.tiles.filter((tile) => tile === byRule || seen.isWorthALook(tile, byRule)),
      byRule,
      leastMs,
      expected: seen.launches(part, leastMs),
      mayTake,
      time: async (tile, launches) => {
        const { passMs, gpuMs } = await send(tile, launches);
        return passMs ?? gpuMs;
      },
    });
    if (!found) return undefined;
    const { layout, m, n, k, dtype, precision } = product;
    const whole = flopsOf(product) / flopsOf(part);
    const times = Object.fromEntries(found.times.map(({ variant, ms }) => [variant.name, whole * ms]));
    return {
      layout,
      m,
      n,
      k,
      dtype,
      ...(precision && { precision }),
      tile: found.taken.name,
      byRule: byRule.name,
      times,
    };
  } finally {
    own.endScope();
    own.pool.trim();
  }
}

function makeOperands(runtime: Runtime, product: ProductShape): Operands {
  const { a, b, out } = operandShapes(product);
  return {
    a: runtime.tensor(a),
    b: runtime.tensor(b, product.dtype),
    out: runtime.tensor(out),
  };
}

function withOperands(runtime: Runtime, product: ProductShape, use: (operands: Operands) => void): void {
  runtime.scope(() => use(makeOperands(runtime, product)));
}

function cutOf({ tiles }: Runtime, { m, n, k }: ProductShape, tile: GemmTile) {
  return { tile, splits: splitsOf(m, n, k, tiles.set) };
}

function hasRoom({ gpu: { limits } }: Runtime, product: ProductShape): boolean {
  const most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  const bytes = operandBytes(product);
  return Math.max(...bytes) <= most && bytes.reduce((sum, one) => sum + one, 0) <= MOST_BYTES;
}
