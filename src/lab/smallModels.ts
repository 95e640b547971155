import { Random } from '../corpus/random.ts';
import type { DecoderConfig } from '../models/config.ts';
import { Decoder } from '../models/decoder.ts';
import { initialAdapter, initialWeights } from '../models/initialisation.ts';
import { LORA_TARGETS, LoraAdapter } from '../models/lora.ts';
import { allocateWeights, type DecoderWeights } from '../models/weights.ts';
import type { Context } from '../ops/context.ts';
import type { ParameterGroup } from '../training/optimiser.ts';
import type { Configuration } from './configuration.ts';

/** The two models of a run, and what of them is trained. */
export interface LabModels {
  readonly retriever: Decoder;
  readonly languageModel: Decoder;
  readonly groups: readonly ParameterGroup[];
  destroy(): void;
}

/** Names of the parameter groups: their gradient norms are shown under these. */
export const RETRIEVER = 'retriever';
export const LANGUAGE_MODEL = 'languageModel';

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
    qkvBias: false,
    outputBias: false,
  };
}

/** Builds both small models from the seed: two full ones, or one frozen base with two adapters. */
export function buildSmallModels(context: Context, configuration: Configuration, vocabularySize: number): LabModels {
  const config = smallDecoderConfig(configuration, vocabularySize);
  const random = Random.fromSeed(configuration.seed);
  const owned: { destroy(): void }[] = [];
  const weights = (name: string, head: boolean, trainable: boolean): DecoderWeights => {
    const made = allocateWeights(context, config, { head, trainable });
    owned.push(made);
    const source = random.fork(`weights of the ${name}`);
    const values = initialWeights(config, made.specs, configuration.initialisation, () => source.normal());
    for (const [key, data] of values) context.recorder.upload(made.tensor(key).slice, data);
    return made;
  };
  const adapter = (name: string): LoraAdapter => {
    const { rank, alpha } = configuration;
    const made = new LoraAdapter(context, config, { rank, alpha, targets: LORA_TARGETS });
    owned.push(made);
    const source = random.fork(`adapter of the ${name}`);
    for (const [key, data] of initialAdapter(made, () => source.uniform()))
      context.recorder.upload(made.parameters.tensor(key).slice, data);
    return made;
  };

  let retriever: Decoder;
  let languageModel: Decoder;
  if (configuration.trained === 'full') {
    retriever = new Decoder(config, weights('retriever', false, true));
    languageModel = new Decoder(config, weights('language model', true, true));
  } else {
    const base = weights('base', true, false);
    retriever = new Decoder(config, base, adapter('retriever'));
    languageModel = new Decoder(config, base, adapter('language model'));
  }
  const groups: ParameterGroup[] = [];
  const train = (name: string, model: Decoder, trainable: boolean): void => {
    const parameters = model.adapter?.parameters ?? model.weights.parameters;
    if (!parameters) throw new Error(`The ${name} has nothing to train.`);
    parameters.setTrainable(trainable);
    if (trainable) groups.push({ name, parameters });
  };
  const { freezeRetriever, freezeLanguageModel, attention } = configuration;
  // A control leaves the retriever without a gradient: training it would only pull its weights by weight decay.
  train(RETRIEVER, retriever, !freezeRetriever && attention === 'learned');
  train(LANGUAGE_MODEL, languageModel, !freezeLanguageModel);
  return { retriever, languageModel, groups, destroy: () => owned.forEach((resource) => resource.destroy()) };
}
