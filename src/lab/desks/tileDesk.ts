import type { Runtime } from '../../ops/core/runtime.ts';
import { classOf, type MeasuredProduct, type TileChoice } from '../../ops/core/tileChoice.ts';
import { compileAhead, neededKernels } from '../../run/kernelsAhead.ts';
import { KeptTables, type TilesFrom } from '../../run/tuning/keptTables.ts';
import { productsOf } from '../../run/tuning/products.ts';
import { compileTiles, isTunable, tune, unmeasured } from '../../run/tuning/tune.ts';
import { configure } from '../../settings/configuration.ts';
import type { CommandOf, LabEvent } from '../door/protocol.ts';
import type { TilesView } from '../door/views.ts';
import type { Workbench } from '../workbench.ts';
import type { Surroundings } from './modelDesk.ts';
import type { PlanDesk } from './planDesk.ts';
import { runAhead, type RunAhead } from './runAhead.ts';

/** Measuring by itself takes so long at most, ms: what is left is measured at another visit. */
const BY_ITSELF_MS = 300;
/** The same where somebody asked for it. */
const ASKED_MS = 5000;

/** Does work while nothing else is done on the GPU, again and again until it says that it is done. */
type WhenIdle = (work: (signal: AbortSignal) => Promise<boolean>, signal: AbortSignal) => Promise<void>;

/** Finds out which tiles of matrix products are fastest on this GPU, and keeps that for other visits. Results are the same to the bit. */
export class TileDesk {
  readonly #kept: KeptTables;
  #from: TilesFrom | 'measured' = 'rule';
  #left = 0;

  constructor(
    private readonly plans: PlanDesk,
    private readonly bench: Workbench,
    private readonly emit: (event: LabEvent) => void,
    { tiles, host = '' }: Surroundings,
  ) {
    this.#kept = new KeptTables(host, tiles);
  }

  /** Tells a GPU that was just opened what is known of it. */
  async tell(runtime: Runtime): Promise<void> {
    this.#from = await this.#kept.tell(runtime);
    this.#left = 0;
  }

  /** What is known now. */
  async view(): Promise<TilesView> {
    return this.#viewOf(await this.bench.openRuntimeQuietly());
  }

  /** Whether the rule decides, from now on and at other visits; what was measured is kept. */
  async choose({ byRule }: CommandOf<'chooseTiles'>): Promise<TilesView> {
    const runtime = await this.bench.openRuntimeQuietly();
    runtime.tiles.isByRule = byRule;
    await this.#kept.keepChoice(runtime);
    return this.#tell(runtime);
  }

  /**
   * Measures what a run of the configuration needs and nothing is known of; `anew`: all of it, at more leisure.
   * @throws SettingError for a checkpoint of which nothing is known, and the GPU's errors
   */
  async tune({ configuration, anew }: CommandOf<'tuneTiles'>, whenIdle: WhenIdle, signal: AbortSignal) {
    const runtime = await this.bench.openRuntimeQuietly();
    if (!isTunable(runtime) || (runtime.tiles.isByRule && !anew)) return this.#viewOf(runtime);
    const ahead = await runAhead(this.plans, configure({ ...configuration }), signal);
    const products = await productsOf(ahead.run, runtime.gpu, ahead.feed);
    let wanted = anew ? products : unmeasured(runtime, products);
    this.#left = 0;
    if (wanted.length === 0 && runtime.tiles.workgroups !== undefined) return this.#viewOf(runtime);
    // Whoever asks for the GPU meanwhile must not wait for a compiler.
    await compileTiles(runtime, wanted, signal);
    const all: MeasuredProduct[] = [];
    let filling: number | undefined;
    await whenIdle(async (ends) => {
      if (this.bench.runtime !== runtime) return true;
      const { found, workgroups, left } = await tune(runtime, wanted, {
        mostMs: anew ? ASKED_MS : BY_ITSELF_MS,
        signal: ends,
      });
      all.push(...found);
      filling = workgroups ?? filling;
      const classes = new Set(found.map(classOf));
      wanted = wanted.filter((product) => !classes.has(classOf(product)));
      this.#left = left;
      return left === 0 || !ends.aborted;
    }, signal);
    if ((all.length === 0 && filling === undefined) || this.bench.runtime !== runtime) return this.#viewOf(runtime);
    const next = runtime.tiles.copy();
    const learn = (tiles: TileChoice): void => {
      tiles.workgroups = filling ?? tiles.workgroups;
      tiles.learn(all);
    };
    learn(next);
    await this.#compile(runtime, ahead, next, signal);
    learn(runtime.tiles);
    if (all.length > 0) this.#from = 'measured';
    await this.#kept.keep(runtime);
    return this.#tell(runtime);
  }

  /** Compiles what the run will take from now on, before it does. */
  async #compile(
    { gpu, recorder }: Runtime,
    { run, feed }: RunAhead,
    tiles: TileChoice,
    signal: AbortSignal,
  ): Promise<void> {
    await compileAhead(recorder.pipelines, await neededKernels(run, gpu, { tiles, feed }), signal);
  }

  /** Tells everybody. */
  #tell(runtime: Runtime): TilesView {
    const view = this.#viewOf(runtime);
    this.emit({ type: 'tiles', tiles: view });
    return view;
  }

  #viewOf({ tiles, gpu: { hasTimestamps } }: Runtime): TilesView {
    return {
      tiles: tiles.set.tiles.map(({ name }) => name),
      measured: tiles.measured,
      from: this.#from,
      left: this.#left,
      byClock: hasTimestamps,
      workgroups: tiles.workgroups,
      isByRule: tiles.isByRule,
    };
  }
}
