import type { Context } from '../ops/context.ts';
import type { RevelaOptions } from '../objectives/revela.ts';
import { Optimiser } from '../training/optimiser.ts';
import { Trainer } from '../training/trainer.ts';
import type { Configuration } from './configuration.ts';
import type { CorpusSetup } from './corpusSetup.ts';
import { CorpusFeed, type LabBatch } from './feed.ts';
import { buildSmallModels, type LabModels } from './smallModels.ts';

/** A configured run on the GPU: models, optimiser, trainer. */
export interface Experiment {
  readonly trainer: Trainer<LabBatch>;
  readonly models: LabModels;
  readonly optimiser: Optimiser;
  destroy(): void;
}

export function revelaOptions(configuration: Configuration): RevelaOptions {
  const { layers, contextLayers, temperature, vNorm, dualLoss, pooling, contextGate, lossMask, detachKeyValues } =
    configuration;
  const upper = Array.from({ length: layers }, (_, layer) => layer).slice(Math.floor(layers / 2));
  return {
    temperature,
    vNorm,
    dualLoss,
    pooling,
    contextGate,
    contextLayers: contextLayers === 'upperHalf' ? upper : undefined,
    lossMask,
    detachKeyValues,
    checkpointing: false,
  };
}

/** Builds models and optimiser for a corpus; nothing is computed before the trainer's first step. */
export function buildExperiment(context: Context, configuration: Configuration, corpus: CorpusSetup): Experiment {
  const models = buildSmallModels(context, configuration, corpus.tokenizer.vocabularySize);
  const { learningRate, warmup, decaySteps, beta1, beta2, weightDecay, clipNorm, accumulation, evaluateEvery } =
    configuration;
  const optimiser = new Optimiser(context, models.groups, { beta1, beta2, epsilon: 1e-8, weightDecay, clipNorm });
  const trainer = new Trainer({
    context,
    models,
    optimiser,
    feed: new CorpusFeed(corpus, configuration),
    options: revelaOptions(configuration),
    schedule: { learningRate, warmup, decaySteps },
    accumulation,
    evaluateEvery,
  });
  return {
    trainer,
    models,
    optimiser,
    destroy() {
      optimiser.destroy();
      models.destroy();
    },
  };
}
