import type { Imitated } from '../gpu/dryDevice.ts';
import type { Constants, PipelineCache } from '../gpu/pipelines.ts';
import { shaderSource } from '../gpu/shaderLibrary.ts';
import type { TileChoice } from '../ops/core/tileChoice.ts';
import type { ObjectiveBatch } from '../objectives/objective.ts';
import type { BatchFeed } from '../training/trainer.ts';
import { countedRun, dryRuntime, type PlannedRun } from './memoryPlan.ts';

/** A kernel with its constants: what is compiled as one. */
export interface NeededKernel {
  readonly kernel: string;
  readonly constants: Constants;
}

/** What is known of a run beside its shape. */
interface KnownAhead {
  /** What its GPU takes for matrix products, where more than the rule is known. */
  readonly tiles?: TileChoice;
  /** The batches that it will train on. */
  readonly feed?: BatchFeed<ObjectiveBatch> | undefined;
}

/** Batches of a text differ in length: so many meet what most of them need. */
export const SOME_STEPS = 4;

/**
 * The kernels of a run in the order of their first use: a step's, then what only looks at the probe and scores need. Found as the memory
 * plan is, by going through the run without a GPU, on a batch that is full: one of other lengths may take a variant more.
 * `like`: the GPU that it is to run on.
 * @throws GpuLimitError when a buffer is larger than that GPU allows
 */
export async function neededKernels(
  run: PlannedRun,
  like: Imitated,
  { tiles, feed }: KnownAhead = {},
): Promise<NeededKernel[]> {
  const { runtime, recorder } = dryRuntime(like);
  if (tiles) runtime.tiles = tiles;
  const needed = new Map<string, NeededKernel>();
  recorder.onDispatch = ({ kernel, constants = {} }) => {
    const key = `${kernel} ${JSON.stringify(constants)}`;
    if (!needed.has(key)) needed.set(key, { kernel, constants });
  };
  const { trainer } = await countedRun(runtime, run);
  await trainer.step();
  await trainer.look(run.batch);
  await trainer.evaluate();
  if (feed && runtime.tiles.measured.length > 0) {
    // Tiles that were measured on batches of other lengths are other kernels.
    const { trainer: real } = await countedRun(runtime, run, feed);
    for (let step = 0; step < SOME_STEPS; step++) await real.step();
    for (const probe of feed.scored().slice(0, 1)) await real.look(probe);
    await real.evaluate();
  }
  return [...needed.values()];
}

/** Few enough that who needs a kernel at once does not wait long for those under way, and enough for a driver with several threads. */
const AT_ONCE = 4;

/**
 * Compiles kernels in this order, those that are there left out.
 * @throws AbortError once `signal` says so: what is under way then is compiled all the same; ShaderCompileError
 */
export async function compileAhead(
  pipelines: PipelineCache,
  needed: readonly NeededKernel[],
  signal: AbortSignal,
): Promise<void> {
  const waiting = needed
    .map(({ kernel, constants }) => pipelines.find(shaderSource(kernel), constants))
    .filter(({ ready }) => !ready);
  const compile = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      signal.throwIfAborted();
      await next.get();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, compile));
}
