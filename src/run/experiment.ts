import type { RevelaOptions } from '../objectives/revela.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { Optimiser } from '../training/optimiser.ts';
import { Trainer } from '../training/trainer.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSetup } from './corpusSetup.ts';
import { CorpusFeed, type LabBatch } from './feed.ts';
import { contextLayers, type LabModels } from './models.ts';
import type { Bases } from './pretrained.ts';
import { buildPretrainedModels, type BuildOptions } from './pretrainedModels.ts';
import { buildSmallModels } from './smallModels.ts';

/** A configured run on the GPU: models, optimiser, trainer. */
export interface Experiment {
  readonly trainer: Trainer<LabBatch>;
  readonly models: LabModels;
  readonly optimiser: Optimiser;
  /** Update n, from 1, takes the batches at (n − 1) · accumulation to n · accumulation − 1. */
  readonly feed: CorpusFeed;
  destroy(): void;
}

/** @param layers of the language model. */
export function revelaOptions(configuration: Configuration, layers: number): RevelaOptions {
  const { temperature, vNorm, dualLoss, pooling, contextGate, lossMask, detachKeyValues, checkpointing } =
    configuration;
  return {
    temperature,
    vNorm,
    dualLoss,
    pooling,
    contextGate,
    contextLayers: contextLayers(layers, configuration),
    lossMask,
    detachKeyValues,
    checkpointing,
  };
}

/** Builds the small models, an optimiser and a trainer; nothing is computed before the trainer's first step. */
export function buildExperiment(runtime: Runtime, configuration: Configuration, corpus: CorpusSetup): Experiment {
  return experimentOn(
    runtime,
    configuration,
    corpus,
    buildSmallModels(runtime, configuration, corpus.tokenizer.vocabularySize),
  );
}

/** The same on checkpoints, whose weights are loaded first. */
export async function openExperiment(
  runtime: Runtime,
  configuration: Configuration,
  corpus: CorpusSetup,
  bases: Bases | undefined,
  options: BuildOptions = {},
): Promise<Experiment> {
  if (!bases) return buildExperiment(runtime, configuration, corpus);
  return experimentOn(
    runtime,
    configuration,
    corpus,
    await buildPretrainedModels(runtime, configuration, bases, options),
  );
}

function experimentOn(
  runtime: Runtime,
  configuration: Configuration,
  corpus: CorpusSetup,
  models: LabModels,
): Experiment {
  const { learningRate, warmup, decaySteps, beta1, beta2, weightDecay, clipNorm, accumulation, evaluateEvery } =
    configuration;
  const optimiser = new Optimiser(runtime, models.groups, { beta1, beta2, epsilon: 1e-8, weightDecay, clipNorm });
  const feed = new CorpusFeed(corpus, configuration);
  const trainer = new Trainer({
    runtime,
    models,
    optimiser,
    feed,
    options: revelaOptions(configuration, models.languageModel.config.layers),
    schedule: { learningRate, warmup, decaySteps },
    accumulation,
    evaluateEvery,
  });
  return {
    trainer,
    models,
    optimiser,
    feed,
    destroy() {
      optimiser.destroy();
      models.destroy();
    },
  };
}
