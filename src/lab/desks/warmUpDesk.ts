import { setUpCorpus } from '../../run/corpusSetup.ts';
import { compileAhead, neededKernels } from '../../run/kernelsAhead.ts';
import { plannedRun, type PlannedBases } from '../../run/memory.ts';
import { smallBases } from '../../run/openRun.ts';
import { configure, type Configuration } from '../../settings/configuration.ts';
import type { Workbench } from '../workbench.ts';
import type { PlanDesk } from './planDesk.ts';

/** Compiles what a run will need before anybody asks for the run. */
export class WarmUpDesk {
  constructor(
    private readonly plans: PlanDesk,
    private readonly bench: Workbench,
  ) {}

  /** @throws SettingError for a checkpoint of which nothing is known, and the GPU's errors */
  async compileAhead(asked: Configuration, signal: AbortSignal): Promise<{ readonly kernels: number }> {
    const configuration = configure({ ...asked });
    const bases = await this.#bases(configuration, signal);
    const { gpu, recorder } = await this.bench.openRuntimeQuietly();
    signal.throwIfAborted();
    const needed = await neededKernels(plannedRun(configuration, bases), gpu);
    await compileAhead(recorder.pipelines, needed, signal);
    return { kernels: needed.length };
  }

  /**
   * Small models know as many words as their text has, which decides how some kernels read. A text of one's own is not read for that
   * alone: it may be long, and most have as many words as may be.
   */
  async #bases(configuration: Configuration, signal: AbortSignal): Promise<PlannedBases> {
    if (configuration.base === 'checkpoint' || configuration.source === 'text')
      return (await this.plans.bases(configuration)).bases;
    const { tokenizer } = await setUpCorpus(configuration, {
      text: undefined,
      title: undefined,
      bases: undefined,
      signal,
    });
    return smallBases(configuration, tokenizer.vocabularySize);
  }
}
