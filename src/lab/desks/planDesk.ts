import { configure, type Configuration } from '../../settings/configuration.ts';
import { fitPlan, type PlannedBase, type PlannedBases } from '../../run/memory.ts';
import type { ModelDesk } from './modelDesk.ts';
import { openBoth } from '../../run/pretrained.ts';
import type { PlanView } from '../door/views.ts';
import { smallBases } from '../../run/openRun.ts';
import type { Workbench } from '../workbench.ts';

/** Tells what a configuration would need of the GPU's memory, for checkpoints that are here and for those that were looked up. */
export class PlanDesk {
  constructor(
    private readonly models: ModelDesk,
    private readonly bench: Workbench,
  ) {}

  /** @throws SettingError for a checkpoint of which nothing is known. */
  async plan(asked: Configuration, signal: AbortSignal): Promise<PlanView> {
    const configuration = configure({ ...asked });
    const { bases, assumption } = await this.bases(configuration);
    // Settings change faster than plans are made: of a question that is overtaken, the costly part is left out.
    signal.throwIfAborted();
    const { plan, budgetBytes, refusal, nearest } = await fitPlan(configuration, bases, this.bench.runtime?.gpu);
    const { weights = 0, gradients = 0, optimiser = 0, activations = 0, scratch = 0 } = plan?.atPeak ?? {};
    return {
      configuration,
      weights,
      gradients,
      optimiser,
      activations,
      scratch,
      peak: plan?.peakTotal ?? 0,
      budget: budgetBytes,
      refusal,
      assumption,
      nearest,
    };
  }

  /** What the models of a configuration stand on. @throws SettingError for a checkpoint of which nothing is known. */
  async bases(configuration: Configuration): Promise<{ bases: PlannedBases; assumption: string | undefined }> {
    if (configuration.base === 'scratch') {
      // The fact stream's words are fewer than any vocabulary that can be chosen.
      const bases = smallBases(configuration, configuration.vocabulary);
      return { bases, assumption: undefined };
    }
    const { languageModel, retriever } = await openBoth(configuration, (name, setting) => this.#base(name, setting));
    const guessed = [languageModel, retriever].filter(({ isHere }) => !isHere).map(({ base }) => base.stored);
    return {
      bases: { languageModel: languageModel.base, retriever: retriever.base },
      assumption: guessed.includes('bf16') ? 'The weights are taken to be bf16: they are not here yet.' : undefined,
    };
  }

  async #base(
    name: string,
    setting: 'checkpoint' | 'retrieverCheckpoint',
  ): Promise<{ base: PlannedBase; isHere: boolean }> {
    const offered = this.models.offered(name);
    try {
      return { base: await this.models.openFor(setting, name), isHere: true };
    } catch (cause) {
      if (offered) return { base: { config: offered.config, stored: offered.isPacked ? 'i8' : 'bf16' }, isHere: false };
      throw cause;
    }
  }
}
