import { compileAhead, neededKernels } from '../../run/kernelsAhead.ts';
import { configure, type Configuration } from '../../settings/configuration.ts';
import type { Workbench } from '../workbench.ts';
import type { PlanDesk } from './planDesk.ts';
import { runAhead } from './runAhead.ts';

/** Compiles what a run will need before anybody asks for the run. */
export class WarmUpDesk {
  constructor(
    private readonly plans: PlanDesk,
    private readonly bench: Workbench,
  ) {}

  /** @throws SettingError for a checkpoint of which nothing is known, and the GPU's errors */
  async compileAhead(asked: Configuration, signal: AbortSignal): Promise<{ readonly kernels: number }> {
    const configuration = configure({ ...asked });
    const [{ run, feed }, { gpu, recorder, tiles }] = await Promise.all([
      runAhead(this.plans, configuration, signal),
      this.bench.openRuntimeQuietly(),
    ]);
    signal.throwIfAborted();
    const needed = await neededKernels(run, gpu, { tiles, feed });
    await compileAhead(recorder.pipelines, needed, signal);
    return { kernels: needed.length };
  }
}
