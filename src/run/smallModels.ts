import { Random } from '../corpus/random.ts';
import type { DecoderConfig } from '../models/config.ts';
import { Decoder } from '../models/decoder.ts';
import { PLAIN } from '../models/families.ts';
import type { LoraAdapter } from '../models/lora.ts';
import { initialWeights } from '../models/initialisation.ts';
import { allocateWeights, type DecoderWeights } from '../models/weights.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Configuration } from '../settings/configuration.ts';
import { arithmeticOf } from './arithmetic.ts';
import type { ModelSource } from './buildModels.ts';
import { newAdapter, newCentre, newGates } from './models.ts';
import { retrieverConfig } from './retrieverDepth.ts';

export function smallDecoderConfig(configuration: Configuration, vocabularySize: number): DecoderConfig {
  const { width, layers, heads, kvHeads, mlpWidth } = configuration;
  return {
    vocabularySize,
    hiddenSize: width,
    layers,
    heads,
    kvHeads,
    headDim: width / heads,
    intermediateSize: mlpWidth,
    ropeTheta: 10000,
    ropeScaling: undefined,
    rmsNormEpsilon: 1e-6,
    tieWordEmbeddings: true,
    ...PLAIN,
  };
}

/** Both small models drawn from the seed: two full ones, or adapters over one frozen base. */
export function smallModels(runtime: Runtime, configuration: Configuration, vocabularySize: number): ModelSource {
  const whole = smallDecoderConfig(configuration, vocabularySize);
  const cut = retrieverConfig(configuration, whole);
  const random = Random.fromSeed(configuration.seed);
  const weights = (name: string, config: DecoderConfig, head: boolean, trainable: boolean): DecoderWeights => {
    const made = allocateWeights(runtime, config, { head, trainable });
    const source = random.fork(`weights of the ${name}`);
    const values = initialWeights(config, made.specs, configuration.initialisation, () => source.normal());
    for (const [key, data] of values) runtime.recorder.upload(made.tensor(key).slice, data);
    return made;
  };
  const full = configuration.trained === 'full';
  const decoder = (config: DecoderConfig, weights: DecoderWeights, adapter?: LoraAdapter): Decoder =>
    new Decoder(config, weights, adapter, arithmeticOf(configuration));
  return {
    languageModel(keep) {
      if (full) return decoder(whole, keep(weights('language model', whole, true, true)));
      const base = keep(weights('base', whole, true, false));
      return decoder(whole, base, keep(newAdapter(runtime, whole, configuration, 'language model')));
    },
    retriever(keep, languageModel) {
      if (full) return decoder(cut, keep(weights('retriever', cut, false, true)));
      const base = languageModel?.weights ?? keep(weights('base', cut, false, false));
      return decoder(cut, base, keep(newAdapter(runtime, cut, configuration, 'retriever')));
    },
    gates: (keep, languageModel) => newGates(runtime, configuration, keep, languageModel),
    centre: (keep, retriever) => newCentre(runtime, configuration, keep, retriever),
    untrainedRetriever(retriever) {
      if (!full) return Promise.resolve({ decoder: decoder(cut, retriever.weights), destroy: () => undefined });
      const first = weights('retriever', cut, false, false);
      return Promise.resolve({ decoder: decoder(cut, first), destroy: () => first.destroy() });
    },
  };
}
