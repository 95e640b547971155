import { dryDevice, type Imitated } from '../gpu/dryDevice.ts';
import { Runtime } from '../ops/core/runtime.ts';
import { plannedRun, refuseUnlessItFits } from './memory.ts';
import { countedRun } from './memoryPlan.ts';
import { plannedBasesOf } from './openRun.ts';
import type { PreparedRun } from './recipe.ts';
import { expectFittingRun, type SavedRun } from './saving.ts';

/**
 * Whether a saved run can go on in models that are yet to be built, found without building them: so a run that is open need not
 * make room before that is known. @param gpu the one that it is to run on
 * @throws MemoryRefusedError; TrainingStateError where the file was changed, or the models have
 */
export async function expectToGoOn(saved: SavedRun, prepared: PreparedRun, gpu: Imitated): Promise<void> {
  const { configuration } = prepared.recipe;
  const bases = plannedBasesOf(prepared);
  const { longestRow } = prepared.corpus;
  await refuseUnlessItFits(configuration, bases, gpu, longestRow);
  expectFittingRun(saved, await countedRun(new Runtime(dryDevice(gpu)), plannedRun(configuration, bases, longestRow)));
}
