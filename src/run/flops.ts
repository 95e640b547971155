import { dryDevice, type Imitated } from '../gpu/dryDevice.ts';
import { Runtime } from '../ops/core/runtime.ts';
import { CorpusFeed } from './feed.ts';
import { plannedRun } from './memory.ts';
import { countedRun } from './memoryPlan.ts';
import { plannedBasesOf } from './openRun.ts';
import type { PreparedRun } from './recipe.ts';

/** Rows of a text differ in length: a mean over so many steps is within a few per cent of that over many. */
const USUAL_STEPS = 4;

/**
 * Operations of a training step, by the ops' own counts: the mean over the first steps of a prepared run, with the batches that it
 * will train on, recorded on a device that computes nothing. Where which chunks are read depends on A itself (a very small τ), all
 * are taken to be read: the most there may be.
 */
export async function flopsOf(
  prepared: PreparedRun,
  { steps = USUAL_STEPS, gpu }: { readonly steps?: number; readonly gpu?: Imitated | undefined } = {},
): Promise<number> {
  const { recipe, corpus } = prepared;
  const run = plannedRun(recipe.configuration, plannedBasesOf(prepared), corpus.longestRow);
  const feed = new CorpusFeed(corpus, recipe.configuration);
  const { trainer } = await countedRun(new Runtime(dryDevice(gpu)), run, feed);
  let flops = 0;
  for (let step = 0; step < steps; step++) flops += (await trainer.step()).flops;
  return flops / steps;
}

/** "0.42 GFLOP": operations in words. */
export function flopsText(flops: number): string {
  const units = ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP', 'EFLOP'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, flops)) / 3)));
  return `${Number((flops / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
