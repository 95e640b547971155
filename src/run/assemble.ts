import type { Objective, ObjectiveBatch } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Configuration } from '../settings/configuration.ts';
import { Optimiser, type OptimiserOptions } from '../training/optimiser.ts';
import { learningRateAt } from '../training/schedule.ts';
import { Trainer, type BatchFeed, type StepDropout } from '../training/trainer.ts';
import { asItCanRun } from './arithmetic.ts';
import { buildModels, type RunModels } from './buildModels.ts';
import { centringSample, measureCentre } from './centring.ts';
import type { CorpusSetup } from './corpusSetup.ts';
import { CorpusFeed, type CorpusBatch } from './feed.ts';
import { dropoutOf } from './dropout.ts';
import { embedTexts } from './embedding.ts';
import { hardNegativesOf, type HardNegatives } from './hardNegatives.ts';
import type { Bases } from './pretrained.ts';
import { pretrainedModels, type LoadingOptions } from './pretrainedModels.ts';
import { smallModels } from './smallModels.ts';
import { teacherOf, type Teacher } from './teaching.ts';

/** What a run consists of, wherever it comes from: a recipe, a golden folder, a plan. */
export interface RunParts<B extends ObjectiveBatch> {
  readonly models: RunModels;
  /** An encoder's view of the chunks, where the feed asks for it. */
  readonly teacher?: Teacher | undefined;
  readonly objective: Objective<B>;
  /** Update n, from 1, takes the batches at (n − 1) · accumulation to n · accumulation − 1. */
  readonly feed: BatchFeed<B>;
  /** Where the feed has its hard negatives from. */
  readonly negatives?: HardNegatives | undefined;
  readonly optimiser: OptimiserOptions;
  readonly learningRate: (step: number) => number;
  /** Batches per update. */
  readonly accumulation: number;
  readonly dropout?: StepDropout | undefined;
}

/** A run on the GPU. Nothing is computed before the trainer's first step. */
export interface Experiment<B extends ObjectiveBatch = CorpusBatch> {
  readonly trainer: Trainer<B>;
  readonly models: RunModels;
  readonly optimiser: Optimiser;
  readonly feed: BatchFeed<B>;
  /** An encoder's view of the chunks, where such a teacher is learnt from: saved with the run. */
  readonly teacher?: Teacher | undefined;
  readonly negatives?: HardNegatives | undefined;
  /** Whether adapters of another run were put under it: where it began is then not the untrained models. */
  beganWithAdapters: boolean;
  destroy(): void;
}

/** Puts a run together: the only place that does. */
export function assemble<B extends ObjectiveBatch>(runtime: Runtime, parts: RunParts<B>): Experiment<B> {
  const { models, objective, feed, learningRate, accumulation, dropout } = parts;
  const optimiser = new Optimiser(runtime, models.groups, parts.optimiser);
  return {
    trainer: new Trainer({ runtime, objective, optimiser, feed, learningRate, accumulation, dropout }),
    models,
    optimiser,
    feed,
    teacher: parts.teacher,
    negatives: parts.negatives,
    beganWithAdapters: false,
    destroy() {
      optimiser.destroy();
      models.destroy();
    },
  };
}

/**
 * The run that a configuration names, on a corpus that was made for it: small models, or those of `bases`, whose weights are
 * loaded first. Where embeddings are centred, their mean is measured, unless it was before.
 * @throws SettingError for what the device cannot, and what loading and measuring throw; nothing of the run stays allocated then.
 */
export async function openExperiment(
  runtime: Runtime,
  asked: Configuration,
  corpus: CorpusSetup,
  bases?: Bases,
  options: LoadingOptions = {},
): Promise<Experiment> {
  const configuration = await asItCanRun(runtime, asked, options);
  const definition = objectiveOf(configuration);
  // First, since it is said before anything is loaded that there is none.
  const teacher = await teacherOf(configuration, corpus, options);
  const learns = definition.learners(configuration);
  const source = bases
    ? pretrainedModels(runtime, configuration, bases, learns, options)
    : smallModels(runtime, configuration, corpus.tokenizer.vocabularySize);
  const models = await buildModels(source, { needsLanguageModel: definition.needsLanguageModel, learns });
  await centred(runtime, models, configuration, corpus, options).catch((cause: unknown) => {
    models.destroy();
    throw cause;
  });
  const { retriever, centre } = models;
  const { pooling, chunkTokens: maxTokens } = configuration;
  const negatives = hardNegativesOf(configuration, corpus, {
    dimensions: retriever.config.hiddenSize,
    embed: (role, texts, options) =>
      embedTexts(runtime, retriever, corpus.retrieverTokenizer, texts, {
        role,
        pooling,
        centre,
        maxTokens,
        ...options,
      }),
  });
  const { learningRate, warmup, decaySteps, beta1, beta2, weightDecay, clipNorm, accumulation } = configuration;
  return assemble<CorpusBatch>(runtime, {
    models,
    teacher,
    objective: definition.bind(models, configuration),
    feed: new CorpusFeed(corpus, configuration, teacher, negatives),
    negatives,
    optimiser: { beta1, beta2, epsilon: 1e-8, weightDecay, clipNorm },
    learningRate: (step) => learningRateAt({ learningRate, warmup, decaySteps }, step),
    accumulation,
    dropout: dropoutOf(configuration),
  });
}

/** Sets the centre of a run's retriever, where it has one. */
async function centred(
  runtime: Runtime,
  { centre, retriever }: RunModels,
  configuration: Configuration,
  corpus: CorpusSetup,
  { centre: measured, onCentring: onProgress, signal }: LoadingOptions,
): Promise<void> {
  if (!centre) return;
  // One of another length belongs to another model, which is said where the rest of the run is put back.
  if (measured?.length === centre.tensor.size) return centre.set(measured);
  const sample = centringSample(corpus, configuration);
  await measureCentre(runtime, retriever, centre, sample, configuration.pooling, { signal, onProgress });
}
