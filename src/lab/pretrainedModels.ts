import { loadDecoder } from '../files/decoderFiles.ts';
import { Decoder } from '../models/decoder.ts';
import type { DecoderWeights } from '../models/weights.ts';
import type { Context } from '../ops/context.ts';
import type { Configuration } from './configuration.ts';
import { learners, newAdapter, newGates, parameterGroups, type LabModels } from './models.ts';
import type { Bases, Pretrained } from './pretrained.ts';

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
  /** Hears how far int8 weights are from the stored ones. */
  readonly onQuantised?: ((worstRelativeError: number) => void) | undefined;
}

/**
 * Loads the checkpoints of a run and puts adapters on them. With LoRA, equal bases are loaded once; models that are trained
 * whole have a copy each. A model that does not learn carries no adapter.
 * @throws ModelFileError, SafetensorsError, GPU errors; nothing stays allocated then.
 */
export async function buildPretrainedModels(
  context: Context,
  configuration: Configuration,
  bases: Bases,
  options: BuildOptions = {},
): Promise<LabModels> {
  const owned: { destroy(): void }[] = [];
  const destroy = () => owned.splice(0).forEach((resource) => resource.destroy());
  const keep = <T extends { destroy(): void }>(made: T): T => {
    owned.push(made);
    return made;
  };
  const full = configuration.trained === 'full';
  const load = (base: Pretrained, head: boolean, trainable: boolean): Promise<DecoderWeights> =>
    loadWeights(context, configuration, base, { head, trainable }, options);
  try {
    const learns = learners(configuration);
    const lmWeights = keep(await load(bases.languageModel, true, full));
    const shared = !full && bases.retriever === bases.languageModel;
    const retrieverWeights = shared ? lmWeights : keep(await load(bases.retriever, false, full));
    const adapter = (base: Pretrained, name: string) => keep(newAdapter(context, base.config, configuration, name));
    const lmAdapter = !full && learns.languageModel ? adapter(bases.languageModel, 'language model') : undefined;
    const retrieverAdapter = !full && learns.retriever ? adapter(bases.retriever, 'retriever') : undefined;
    const retriever = new Decoder(bases.retriever.config, retrieverWeights, retrieverAdapter);
    const languageModel = new Decoder(bases.languageModel.config, lmWeights, lmAdapter);
    const gates = newGates(context, configuration, languageModel.config.layers);
    if (gates) keep(gates);
    return {
      retriever,
      languageModel,
      gates,
      groups: parameterGroups(configuration, retriever, languageModel, gates),
      async untrainedRetriever() {
        if (!full) return { decoder: new Decoder(bases.retriever.config, retrieverWeights), destroy: () => undefined };
        const first = await load(bases.retriever, false, false);
        return { decoder: new Decoder(bases.retriever.config, first), destroy: () => first.destroy() };
      },
      destroy,
    };
  } catch (cause) {
    destroy();
    throw cause;
  }
}

async function loadWeights(
  context: Context,
  configuration: Configuration,
  base: Pretrained,
  what: { head: boolean; trainable: boolean },
  { onProgress }: BuildOptions,
): Promise<DecoderWeights> {
  return loadDecoder(context, base.files, base.config, what, (done, total) =>
    onProgress?.(`Loading ${base.name}`, total > 0 ? done / total : 1),
  );
}
