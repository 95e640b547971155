import { KeptTables } from '../../run/tuning/keptTables.ts';
import { productsOf } from '../../run/tuning/products.ts';
import { compileTiles, isTunable, tune, unmeasured } from '../../run/tuning/tune.ts';
import { CorpusFeed } from '../../run/feed.ts';
import { plannedRun } from '../../run/memory.ts';
import { plannedBasesOf, type OpenRun } from '../../run/openRun.ts';

/** Time that may be spent measuring, ms. */
const MOST_MS = 2000;

/** What was measured in Node holds for this. */
export const NODE_HOST = `Node ${process.versions.node} with Dawn`;

/** Tells a run's device what is known of its tiles, before anything of a saved run is put back. */
export async function tellTiles({ runtime }: OpenRun): Promise<void> {
  await new KeptTables(NODE_HOST).tell(runtime);
}

/** Measures which tiles are fastest for the products of a run, and takes them. Says on standard error what came of it. */
export async function tuneTiles({ runtime, prepared }: OpenRun, signal: AbortSignal): Promise<void> {
  if (!isTunable(runtime)) {
    process.stderr.write('--tune: this device has one tile to choose from, so there was nothing to measure.\n');
    return;
  }
  const { recipe, corpus } = prepared;
  const run = plannedRun(recipe.configuration, plannedBasesOf(prepared), corpus.longestRow);
  const feed = new CorpusFeed(corpus, recipe.configuration);
  const products = unmeasured(runtime, await productsOf(run, runtime.gpu, feed));
  await compileTiles(runtime, products, signal);
  const { found, workgroups, left } = await tune(runtime, products, { mostMs: MOST_MS, signal });
  runtime.tiles.workgroups = workgroups;
  runtime.tiles.learn(found);
  const changed = found.filter(({ tile, byRule }) => tile !== byRule);
  process.stderr.write(
    `tiles: ${found.length} kinds of products measured, ${changed.length} take another tile than by rule; ${left} left to the rule, which takes ${workgroups ?? runtime.tiles.set.workgroups} workgroups to keep this device busy\n`,
  );
}
