import type { Runtime } from '../../src/ops/core/runtime.ts';
import { trainingLoop } from '../../src/run/loop.ts';
import { openRun, prepareRun } from '../../src/run/openRun.ts';
import { RunLog } from '../../src/run/runLog.ts';
import type { Configuration } from '../../src/settings/configuration.ts';
import { Follower, type Observed } from '../../src/ui/panels/lessons/numbers/observed.ts';

/** Runs a lesson's configuration on the engine, as the page's lab does: `steps` updates from untrained models. */
export async function runTrial(
  runtime: Runtime,
  configuration: Configuration,
  steps: number,
  signal: AbortSignal,
): Promise<Observed> {
  const noBases = () => Promise.reject(new Error('A trial has no checkpoint.'));
  const prepared = await prepareRun(
    { configuration, text: undefined, title: undefined },
    { openBases: noBases, signal },
  );
  const run = await openRun(runtime, prepared, { signal });
  const follower = new Follower(configuration);
  try {
    const events = trainingLoop(run, {
      log: new RunLog({ mostSteps: Infinity, keepsPicture: () => false }),
      isWanted: (step) => step < steps && !signal.aborted,
      evaluateEvery: configuration.evaluateEvery,
      evaluatesAtEnd: false,
      probeEvery: configuration.probeEvery,
      isSaved: () => false,
      save: () => Promise.resolve(),
    });
    for await (const event of events) if (event.type !== 'collection') follower.hear(event);
  } finally {
    run.experiment.destroy();
  }
  signal.throwIfAborted();
  return follower.observed;
}
