import type { QuantisationReport } from '../files/models/quantise.ts';
import { loadDecoder } from '../files/models/decoderFiles.ts';
import type { DecoderConfig } from '../models/config.ts';
import { Decoder } from '../models/decoder.ts';
import type { DecoderWeights } from '../models/weights.ts';
import type { Learners } from '../objectives/objective.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Configuration } from '../settings/configuration.ts';
import { arithmeticOf } from './arithmetic.ts';
import type { Keep, ModelSource } from './buildModels.ts';
import type { FrozenBases } from './frozenBases.ts';
import { newAdapter, newCentre, newGates } from './models.ts';
import type { Bases, Pretrained } from './pretrained.ts';
import { retrieverConfig } from './retrieverDepth.ts';
import type { TeachingOptions } from './teaching.ts';

export interface LoadingOptions extends TeachingOptions {
  readonly onProgress?: ((detail: string, doneBytes: number, totalBytes: number) => void) | undefined;
  /** Hears how far int8 weights are from the stored ones. */
  readonly onQuantised?: ((report: QuantisationReport) => void) | undefined;
  /** The retriever's centre [2, D], where it was measured before; else it is measured, and this hears how far that is. */
  readonly centre?: Float32Array<ArrayBuffer> | undefined;
  readonly onCentring?: ((fraction: number) => void) | undefined;
  /** The run began before, here or elsewhere: what changes none of its numbers is no reason to refuse it. */
  readonly goesOn?: boolean;
  /** Hears what such a run does without here, in a sentence. */
  readonly onWithout?: ((why: string) => void) | undefined;
  /** Keeps frozen weights beyond this run. */
  readonly frozen?: FrozenBases | undefined;
}

/**
 * The checkpoints of a run with adapters on them. With LoRA, equal bases are loaded once; models that are trained whole have a
 * copy each. A model that does not learn carries no adapter.
 * Throws, while models are made: ModelFileError, SafetensorsError, LoadStoppedError, GPU errors.
 */
export function pretrainedModels(
  runtime: Runtime,
  configuration: Configuration,
  bases: Bases,
  learns: Learners,
  options: LoadingOptions = {},
): ModelSource {
  const full = configuration.trained === 'full';
  const arithmetic = arithmeticOf(configuration);
  const load = async (keep: Keep, base: Pretrained, config: DecoderConfig, head: boolean): Promise<DecoderWeights> => {
    const { signal, onProgress, onQuantised, frozen } = options;
    const how = {
      head,
      trainable: full,
      precision: configuration.precision,
      ...(signal && { signal }),
      ...(onQuantised && { onQuantised }),
    };
    const progress = (done: number, total: number) => onProgress?.(`Loading ${base.name}`, done, total);
    if (frozen && !full) return frozen.load(runtime, base, config, how, progress);
    return keep(await loadDecoder(runtime, base.files, config, how, progress));
  };
  const decoder = (keep: Keep, config: DecoderConfig, weights: DecoderWeights, isLearning: boolean, name: string) => {
    const adapter = !full && isLearning ? keep(newAdapter(runtime, config, configuration, name)) : undefined;
    return new Decoder(config, weights, adapter, arithmetic);
  };
  return {
    async languageModel(keep) {
      const { config } = bases.languageModel;
      const weights = await load(keep, bases.languageModel, config, true);
      return decoder(keep, config, weights, learns.languageModel, 'language model');
    },
    async retriever(keep, languageModel) {
      const config = retrieverConfig(configuration, bases.retriever.config);
      const isShared = !full && bases.retriever === bases.languageModel;
      const weights = (isShared && languageModel?.weights) || (await load(keep, bases.retriever, config, false));
      const used = [weights, languageModel?.weights].filter((one) => one !== undefined);
      options.frozen?.keep(new Set(full ? [] : used));
      return decoder(keep, config, weights, learns.retriever, 'retriever');
    },
    gates: (keep, languageModel) => newGates(runtime, configuration, keep, languageModel),
    centre: (keep, retriever) => newCentre(runtime, configuration, keep, retriever),
    async untrainedRetriever(retriever) {
      const { files, packed } = bases.retriever;
      const { config } = retriever;
      if (!full)
        return { decoder: new Decoder(config, retriever.weights, undefined, arithmetic), destroy: () => undefined };
      const first = await loadDecoder(runtime, files, config, {
        head: false,
        trainable: false,
        // Training began with the exact numbers.
        precision: packed ? 'f32' : 'stored',
      });
      return { decoder: new Decoder(config, first, undefined, arithmetic), destroy: () => first.destroy() };
    },
  };
}
