import { PREFIXES } from '../../corpus/prefixes.ts';
import { contextLayers } from '../../objectives/revela/options.ts';
import { objectiveOf } from '../../objectives/registry.ts';
import type { OpenRun } from '../openRun.ts';
import type { CorpusSummary } from '../record.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { baseOf, layersRun } from '../takeHome.ts';

const FORMAT = 'revela handover 1';

/** Where a model of a run comes from. */
export interface JobModel {
  /** Hub id, or a folder relative to the model's own. */
  readonly base: string;
  readonly revision: string | null;
  readonly folder: string;
  /** `adapter`: the folder, where there is one, holds a LoRA adapter over the base; `full`: it is the whole model. */
  readonly form: 'adapter' | 'full';
  /** How many of its first layers are run, without a final norm; null: all, and the norm. */
  readonly layers: number | null;
  readonly learns: boolean;
}

/** settings.json of an archive: what `read_job` of the runner reads. */
export interface Job {
  readonly format: string;
  readonly title: string;
  /** Updates made. */
  readonly step: number;
  /** Updates that groups.jsonl has batches for. */
  readonly steps: number;
  /** Whether nothing is rounded here that is not there: base weights, or what matrix products multiply. */
  readonly exact: boolean;
  readonly configuration: Configuration;
  readonly models: { readonly retriever: JobModel; readonly languageModel: JobModel | null };
  readonly rows: {
    readonly prefixes: { readonly query: string; readonly passage: string };
    readonly ending: readonly number[];
    readonly endsItself: boolean;
    /** Whether the first half of a query is counted with its prefix. */
    readonly countsPrefix: boolean;
  };
  /** Layers that read their neighbours; null: all. */
  readonly contextLayers: readonly number[] | null;
  /** As the page's records have it. */
  readonly corpus: CorpusSummary;
}

/** A run as it stands, for settings.json. */
export function jobOf({ prepared, experiment }: OpenRun, steps: number): Job {
  const { recipe, corpus, bases } = prepared;
  const { configuration } = recipe;
  const { models, optimiser } = experiment;
  const learns = objectiveOf(configuration).learners(configuration);
  const model = (kind: 'retriever' | 'languageModel', folder: string): JobModel => {
    const isOwn = configuration.base === 'scratch';
    const { name, revision } = baseOf(prepared, kind, isOwn);
    const isWhole = configuration.trained === 'full' && (isOwn || learns[kind]);
    return {
      base: name,
      revision: revision ?? null,
      folder,
      form: isWhole ? 'full' : 'adapter',
      layers: (kind === 'retriever' ? layersRun(models.retriever) : undefined) ?? null,
      learns: learns[kind],
    };
  };
  const { retrieverTokenizer: tokenizer, summary } = corpus;
  const { languageModel } = models;
  return {
    format: FORMAT,
    title: recipe.title ?? summary.title,
    step: optimiser.step,
    steps,
    exact:
      configuration.precision !== 'int8' &&
      configuration.matmulPrecision === 'f32' &&
      !bases?.retriever.packed &&
      !bases?.languageModel.packed,
    configuration,
    models: {
      retriever: model('retriever', 'retriever'),
      languageModel: languageModel ? model('languageModel', 'language-model') : null,
    },
    rows: {
      prefixes: tokenizer.prefixes,
      ending: tokenizer.ending,
      endsItself: tokenizer.specials.trailing.length > 0,
      countsPrefix: tokenizer.prefixes === PREFIXES,
    },
    contextLayers: (languageModel && contextLayers(languageModel.config.layers, configuration)) ?? null,
    corpus: summary,
  };
}
