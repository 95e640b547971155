import type { DecoderConfig } from '../../models/config.ts';
import { configure, type Configuration } from '../../settings/configuration.ts';
import { fitPlan, type PlannedBase, type PlannedBases } from '../../run/memory.ts';
import type { ModelDesk } from './modelDesk.ts';
import { openBoth } from '../../run/pretrained.ts';
import type { LabEvent } from '../door/protocol.ts';
import { SettingError } from '../../settings/setting.ts';
import { smallBases } from '../../run/openRun.ts';
import type { Workbench } from '../workbench.ts';

/** Tells what a configuration would need of the GPU's memory, for checkpoints that are here and for those that were looked up. */
export class PlanDesk {
  #latest = 0;

  constructor(
    private readonly emit: (event: LabEvent) => void,
    private readonly models: ModelDesk,
    private readonly bench: Workbench,
  ) {}

  /** Only the latest question is answered: settings change faster than plans are made. */
  async plan(asked: Configuration): Promise<void> {
    const number = ++this.#latest;
    const configuration = configure({ ...asked });
    const { bases, assumption } = await this.#bases(configuration);
    if (number !== this.#latest) return;
    const { plan, budgetBytes, refusal, nearest } = await fitPlan(configuration, bases, this.bench.runtime?.gpu);
    if (number !== this.#latest) return;
    const { weights = 0, gradients = 0, optimiser = 0, activations = 0, scratch = 0 } = plan?.atPeak ?? {};
    this.emit({
      type: 'plan',
      plan: {
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
      },
    });
  }

  async #bases(configuration: Configuration): Promise<{ bases: PlannedBases; assumption: string | undefined }> {
    if (configuration.base === 'scratch') {
      // The fact stream's words are fewer than any vocabulary that can be chosen.
      const bases = smallBases(configuration, configuration.vocabulary);
      return { bases, assumption: undefined };
    }
    const { languageModel, retriever } = await openBoth(configuration, (name, setting) => this.#base(name, setting));
    const guessed = [languageModel, retriever].some(({ isHere }) => !isHere);
    return {
      bases: { languageModel: languageModel.base, retriever: retriever.base },
      assumption: guessed ? 'The weights are taken to be bf16: they are not here yet.' : undefined,
    };
  }

  async #base(
    name: string,
    setting: 'checkpoint' | 'retrieverCheckpoint',
  ): Promise<{ base: PlannedBase; isHere: boolean }> {
    const offered: DecoderConfig | undefined = this.models.offered(name);
    try {
      return { base: await this.models.open(name), isHere: true };
    } catch (cause) {
      if (offered) return { base: { config: offered, stored: 'bf16' }, isHere: false };
      throw new SettingError(setting, cause instanceof Error ? cause.message : `${name} is not in this browser yet.`);
    }
  }
}
