import { Random } from '../corpus/random.ts';
import type { DecoderConfig } from '../models/config.ts';
import { Decoder } from '../models/decoder.ts';
import { PLAIN } from '../models/families.ts';
import { initialWeights } from '../models/initialisation.ts';
import { allocateWeights, type DecoderWeights } from '../models/weights.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { parameterGroups } from '../training/parameterGroups.ts';
import type { Configuration } from '../settings/configuration.ts';
import { learners, newAdapter, newGates, type LabModels } from './models.ts';

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

/** Builds both small models from the seed: two full ones, or one frozen base with two adapters. */
export function buildSmallModels(runtime: Runtime, configuration: Configuration, vocabularySize: number): LabModels {
  const config = smallDecoderConfig(configuration, vocabularySize);
  const random = Random.fromSeed(configuration.seed);
  const owned: { destroy(): void }[] = [];
  const keep = <T extends { destroy(): void }>(made: T): T => {
    owned.push(made);
    return made;
  };
  const weights = (name: string, head: boolean, trainable: boolean): DecoderWeights => {
    const made = allocateWeights(runtime, config, { head, trainable });
    const source = random.fork(`weights of the ${name}`);
    const values = initialWeights(config, made.specs, configuration.initialisation, () => source.normal());
    for (const [key, data] of values) runtime.recorder.upload(made.tensor(key).slice, data);
    return made;
  };
  const full = configuration.trained === 'full';
  let retriever: Decoder;
  let languageModel: Decoder;
  if (full) {
    retriever = new Decoder(config, keep(weights('retriever', false, true)));
    languageModel = new Decoder(config, keep(weights('language model', true, true)));
  } else {
    const base = keep(weights('base', true, false));
    const adapter = (name: string) => keep(newAdapter(runtime, config, configuration, name));
    retriever = new Decoder(config, base, adapter('retriever'));
    languageModel = new Decoder(config, base, adapter('language model'));
  }
  const gates = newGates(runtime, configuration, config.layers);
  if (gates) keep(gates);
  return {
    retriever,
    languageModel,
    gates,
    groups: parameterGroups({ retriever, languageModel, gates }, learners(configuration)),
    untrainedRetriever() {
      if (!full) return Promise.resolve({ decoder: new Decoder(config, retriever.weights), destroy: () => undefined });
      const first = weights('retriever', false, false);
      return Promise.resolve({ decoder: new Decoder(config, first), destroy: () => first.destroy() });
    },
    destroy: () => owned.forEach((resource) => resource.destroy()),
  };
}
