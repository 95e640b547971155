import type { Runtime } from '../ops/core/runtime.ts';
import type { Configuration } from '../settings/configuration.ts';
import { openExperiment, type Experiment } from './assemble.ts';
import { setUpCorpus } from './corpusSetup.ts';
import { refuseUnlessItFits, type PlannedBases } from './memory.ts';
import type { Bases } from './pretrained.ts';
import type { LoadingOptions } from './pretrainedModels.ts';
import type { PreparedRun, Recipe } from './recipe.ts';
import { retrieverConfig } from './retrieverDepth.ts';
import { smallDecoderConfig } from './smallModels.ts';

/** A run that is open: its models are on the GPU. */
export interface OpenRun {
  readonly runtime: Runtime;
  readonly prepared: PreparedRun;
  readonly experiment: Experiment;
}

export interface PreparingOptions {
  /** Finds the checkpoints that a configuration names. */
  readonly openBases: (configuration: Configuration) => Promise<Bases>;
  readonly signal: AbortSignal;
  readonly onProgress?: (detail: string, fraction: number) => void;
}

/**
 * Reads the text and the small files of the checkpoints of a recipe. Nothing is on the GPU yet.
 * @throws CorpusError (`aborted` when stopped), SettingError for a depth that the retriever does not have, and what opening a
 * checkpoint throws.
 */
export async function prepareRun(recipe: Recipe, options: PreparingOptions): Promise<PreparedRun> {
  const { configuration, title } = recipe;
  const { openBases, signal, onProgress } = options;
  const bases = configuration.base === 'checkpoint' ? await openBases(configuration) : undefined;
  if (bases) retrieverConfig(configuration, bases.retriever.config);
  const corpus = await setUpCorpus(configuration, {
    text: recipe.text,
    title,
    bases,
    signal,
    ...(onProgress && { onProgress }),
  });
  return { recipe, corpus, bases };
}

/**
 * Builds the models of a prepared run, loading what they stand on.
 * @throws MemoryRefusedError before anything is loaded; then what loading throws. Nothing stays allocated.
 */
export async function openRun(runtime: Runtime, prepared: PreparedRun, options: LoadingOptions): Promise<OpenRun> {
  const { configuration } = prepared.recipe;
  const { corpus, bases } = prepared;
  await refuseUnlessItFits(configuration, plannedBasesOf(prepared), runtime.gpu, corpus.longestRow);
  const experiment = await openExperiment(runtime, configuration, corpus, bases, options);
  return { runtime, prepared, experiment };
}

/** What the models of a prepared run stand on, as the planner takes it. */
export function plannedBasesOf({ recipe: { configuration }, corpus, bases }: PreparedRun): PlannedBases {
  return bases ?? smallBases(configuration, corpus.tokenizer.vocabularySize);
}

/** The two small models, as the planner takes them. */
export function smallBases(configuration: Configuration, vocabularySize: number): PlannedBases {
  const base = { config: smallDecoderConfig(configuration, vocabularySize), stored: 'f32' } as const;
  return { languageModel: base, retriever: base };
}
