import type { QuantisationReport } from '../files/models/quantise.ts';
import { Decoder } from '../models/decoder.ts';
import { loadDecoder } from '../files/models/decoderFiles.ts';
import type { DecoderWeights } from '../models/weights.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { parameterGroups } from '../training/parameterGroups.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { FrozenBases } from './frozenBases.ts';
import { learners, newAdapter, newGates, type LabModels } from './models.ts';
import type { Bases, Pretrained } from './pretrained.ts';

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((detail: string, doneBytes: number, totalBytes: number) => void) | undefined;
  /** Hears how far int8 weights are from the stored ones. */
  readonly onQuantised?: ((report: QuantisationReport) => void) | undefined;
  /** Keeps frozen weights beyond this run. */
  readonly frozen?: FrozenBases | undefined;
}

/**
 * Loads the checkpoints of a run and puts adapters on them. With LoRA, equal bases are loaded once; models that are trained
 * whole have a copy each. A model that does not learn carries no adapter.
 * @throws ModelFileError, SafetensorsError, LoadStoppedError, GPU errors; nothing of this run stays allocated then.
 */
export async function buildPretrainedModels(
  runtime: Runtime,
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
  const load = async (base: Pretrained, head: boolean, trainable: boolean): Promise<DecoderWeights> => {
    const { signal, onProgress, onQuantised, frozen } = options;
    const how = {
      head,
      trainable,
      precision: configuration.precision,
      ...(signal && { signal }),
      ...(onQuantised && { onQuantised }),
    };
    const progress = (done: number, total: number) => onProgress?.(`Loading ${base.name}`, done, total);
    if (frozen && !trainable) return frozen.load(runtime, base, how, progress);
    const weights = await loadDecoder(runtime, base.files, base.config, how, progress);
    return keep(weights);
  };
  try {
    const learns = learners(configuration);
    const lmWeights = await load(bases.languageModel, true, full);
    const shared = !full && bases.retriever === bases.languageModel;
    const retrieverWeights = shared ? lmWeights : await load(bases.retriever, false, full);
    const used = new Set([lmWeights, retrieverWeights]);
    options.frozen?.keep(full ? new Set() : used);
    const adapter = (base: Pretrained, name: string) => keep(newAdapter(runtime, base.config, configuration, name));
    const lmAdapter = !full && learns.languageModel ? adapter(bases.languageModel, 'language model') : undefined;
    const retrieverAdapter = !full && learns.retriever ? adapter(bases.retriever, 'retriever') : undefined;
    const retriever = new Decoder(bases.retriever.config, retrieverWeights, retrieverAdapter);
    const languageModel = new Decoder(bases.languageModel.config, lmWeights, lmAdapter);
    const gates = newGates(runtime, configuration, languageModel.config.layers);
    if (gates) keep(gates);
    return {
      retriever,
      languageModel,
      gates,
      groups: parameterGroups({ retriever, languageModel, gates }, learns),
      async untrainedRetriever() {
        if (!full) return { decoder: new Decoder(bases.retriever.config, retrieverWeights), destroy: () => undefined };
        const { files, config } = bases.retriever;
        const first = await loadDecoder(runtime, files, config, { head: false, trainable: false });
        return { decoder: new Decoder(config, first), destroy: () => first.destroy() };
      },
      destroy,
    };
  } catch (cause) {
    destroy();
    throw cause;
  }
}
