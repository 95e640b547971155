import { CorpusError } from '../corpus/errors.ts';
import type { LabelledCollection } from '../evaluation/collections/collection.ts';
import { measure, type Measure } from '../evaluation/measures/measures.ts';
import { scoresOf, type Scores } from '../evaluation/measures/scores.ts';
import { CollectionVectors, denseSystem } from '../evaluation/systems/dense.ts';
import { bm25System, CollectionWords } from '../evaluation/systems/lexical.ts';
import { USUAL_DEPTH } from '../evaluation/systems/system.ts';
import type { Rankings } from '../evaluation/types.ts';
import type { Embedder } from '../retrieval/embedder.ts';
import type { Decoder } from '../models/decoder.ts';
import type { Bm25Options } from '../retrieval/bm25.ts';
import { embedTexts } from './embedding.ts';
import type { OpenRun } from './openRun.ts';
import type { CollectionMeans } from './record.ts';
import type { CollectionScored } from './runLog.ts';

/** Tokens of a text that a retriever reads where nobody says how many. */
export const USUAL_TEXT_TOKENS = 256;

/** What a curve while training shows. */
export const CURVE_MEASURES = ['ndcg@10', 'mrr@10', 'recall@10', 'recall@100'] as const;

/**
 * The retriever of an open run as what makes vectors of texts: pooled, centred and as deep as the run has it, with its weights as
 * they are when it is asked. To be asked between two steps; it changes nothing in the run.
 * @param decoder another one in its place, as it was before the first step say (`RunModels.untrainedRetriever`)
 */
export function runEmbedder(
  { runtime, prepared, experiment }: OpenRun,
  {
    maxTokens = USUAL_TEXT_TOKENS,
    decoder = experiment.models.retriever,
  }: { readonly maxTokens?: number | undefined; readonly decoder?: Decoder | undefined } = {},
): Embedder {
  const { pooling } = prepared.recipe.configuration;
  const { centre } = experiment.models;
  const { retrieverTokenizer } = prepared.corpus;
  return {
    dimensions: decoder.config.hiddenSize,
    embed: (role, texts, { signal, onProgress }) =>
      embedTexts(runtime, decoder, retrieverTokenizer, texts, {
        role,
        pooling,
        centre,
        maxTokens,
        signal,
        onProgress,
      }),
  };
}

export interface CollectionScorerOptions {
  readonly measures?: readonly string[] | undefined;
  readonly maxTokens?: number | undefined;
  readonly bm25?: Bm25Options | undefined;
  /** Means of further systems that stand beside the run's curve, by their names, as far as they are known by now. */
  readonly beside?: (() => Readonly<Record<string, CollectionMeans>>) | undefined;
}

/** Scores of a run on a collection, with each query's, for tests of whether a difference is luck. */
export interface CollectionResult extends CollectionScored {
  readonly perQuery: Scores;
}

/**
 * Scores the retrievers of runs on one labelled collection: all documents are embedded anew and ranked by cosine for every query
 * (docs/EVALUATION.md). BM25 is measured once, beside them.
 */
export class CollectionScorer {
  readonly #measures: readonly Measure[];
  #bm25: Promise<CollectionMeans> | undefined;

  /** @throws MeasureError for a measure that there is not. */
  constructor(
    readonly collection: LabelledCollection,
    private readonly options: CollectionScorerOptions = {},
  ) {
    this.#measures = (options.measures ?? CURVE_MEASURES).map(measure);
  }

  /**
   * The run as it is now: to be called between two steps; nothing of the run changes, and nothing stays on the GPU.
   * @returns undefined where `signal` ended it. @throws the GPU's errors
   */
  async score(
    run: OpenRun,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<CollectionResult | undefined> {
    const { collection } = this;
    const { step } = run.experiment.optimiser;
    try {
      const embedder = runEmbedder(run, { maxTokens: this.options.maxTokens });
      const system = denseSystem('retriever', new CollectionVectors(collection, embedder, 'the retriever'));
      const scores = this.#scores(await system.rank({ depth: USUAL_DEPTH, signal }));
      return {
        of: {
          title: collection.title,
          documents: collection.documents.length,
          queries: scores.queries.length,
          beside: { bm25: await this.#words(signal), ...this.options.beside?.() },
        },
        scores: { step, means: meansOf(scores) },
        perQuery: scores,
      };
    } catch (cause) {
      if (cause instanceof CorpusError && cause.code === 'aborted') return undefined;
      throw cause;
    }
  }

  #words(signal: AbortSignal | undefined): Promise<CollectionMeans> {
    this.#bm25 ??= bm25System(new CollectionWords(this.collection), this.options.bm25)
      .rank({ depth: USUAL_DEPTH, signal })
      .then((rankings) => meansOf(this.#scores(rankings)))
      .catch((cause: unknown) => {
        this.#bm25 = undefined;
        throw cause;
      });
    return this.#bm25;
  }

  #scores(rankings: Rankings): Scores {
    return scoresOf(rankings, this.collection.qrels, this.#measures);
  }
}

/** 0 where no query has a relevant document: nothing can be found. */
function meansOf({ means }: Scores): CollectionMeans {
  return Object.fromEntries([...means].map(([name, mean]) => [name, mean ?? 0]));
}
