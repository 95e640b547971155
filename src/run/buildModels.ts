import type { Centre } from '../models/centre.ts';
import type { Decoder } from '../models/decoder.ts';
import type { LayerGates } from '../models/gates.ts';
import type { Learners, ObjectiveModels } from '../objectives/objective.ts';
import type { ParameterGroup } from '../training/optimiser.ts';
import { parameterGroups } from '../training/parameterGroups.ts';

/** Something on the GPU that whoever made it gives back. */
export interface Owned {
  destroy(): void;
}

/** The models of a run, and what of them is trained. */
export interface RunModels extends ObjectiveModels, Owned {
  readonly groups: readonly ParameterGroup[];
  /** The retriever as it was before the first step, for comparison. The caller destroys it. */
  untrainedRetriever(): Promise<{ readonly decoder: Decoder } & Owned>;
}

/** Where the models of a run come from: drawn, loaded, or only counted. */
export interface ModelSource {
  /** In this order; `keep` takes what is to be given back with the models. */
  languageModel(keep: Keep): Decoder | Promise<Decoder>;
  /** The language model is undefined where the objective needs none. */
  retriever(keep: Keep, languageModel: Decoder | undefined): Decoder | Promise<Decoder>;
  gates(keep: Keep, languageModel: Decoder): LayerGates | undefined;
  /** Room for a centre, where there is to be one. */
  centre(keep: Keep, retriever: Decoder): Centre | undefined;
  untrainedRetriever(retriever: Decoder): Promise<{ readonly decoder: Decoder } & Owned>;
}

export type Keep = <T extends Owned>(made: T) => T;

/**
 * Makes the models of a run and marks what learns.
 * @throws what its source throws; nothing of the run stays allocated then.
 */
export async function buildModels(
  source: ModelSource,
  { needsLanguageModel, learns }: { readonly needsLanguageModel: boolean; readonly learns: Learners },
): Promise<RunModels> {
  const owned: Owned[] = [];
  const destroy = (): void => owned.splice(0).forEach((one) => one.destroy());
  const keep: Keep = (made) => {
    owned.push(made);
    return made;
  };
  try {
    const languageModel = needsLanguageModel ? await source.languageModel(keep) : undefined;
    const retriever = await source.retriever(keep, languageModel);
    const gates = languageModel && source.gates(keep, languageModel);
    const centre = source.centre(keep, retriever);
    const models = { retriever, languageModel, gates, centre };
    return {
      ...models,
      groups: parameterGroups(models, learns),
      untrainedRetriever: () => source.untrainedRetriever(retriever),
      destroy,
    };
  } catch (cause) {
    destroy();
    throw cause;
  }
}
