import { documentText, type LabelledCollection } from '../../../evaluation/collections/collection.ts';
import { CollectionVectors, denseSystem } from '../../../evaluation/systems/dense.ts';
import { remembered, type RetrievalSystem } from '../../../evaluation/systems/system.ts';
import type { Encoder } from '../../../encoder/encoder.ts';
import { shapeOf } from '../../../encoder/encoderFiles.ts';
import type { Embedder } from '../../../retrieval/embedder.ts';
import { terms } from '../../../retrieval/terms.ts';
import type { Experiment } from '../../../run/assemble.ts';
import { runEmbedder, USUAL_TEXT_TOKENS } from '../../../run/collectionScores.ts';
import type { OpenRun } from '../../../run/openRun.ts';
import { SETTINGS, type Configuration } from '../../../settings/configuration.ts';
import type { DenseName } from '../../door/evaluationViews.ts';
import type { EvaluationRequest } from './collectionSource.ts';

/** A collection as a retriever or an encoder sees it. */
export interface DenseVectors {
  /** Called `step-20`, `run2-step-20` of another run, or as the encoder is. */
  readonly system: RetrievalSystem;
  /** Updates that a run's retriever had made; undefined for an encoder. */
  readonly step: number | undefined;
  readonly vectors: CollectionVectors;
  /** Time that embedding took, ms. */
  readonly took: number;
  readonly notices: readonly string[];
}

/** What of a run makes vectors. */
export type RunDenseName = Exclude<DenseName, 'encoder'>;

/** Documents that are looked at for what is said of all. */
const SAMPLE = 500;

/** Embeds a collection with retrievers and encoders, and keeps what was embedded last by each kind. */
export class Embeddings {
  readonly #runs = new Map<Experiment, number>();
  readonly #last = new Map<DenseName, DenseVectors & { readonly of: Experiment | Encoder }>();

  constructor(private readonly collection: LabelledCollection) {}

  /**
   * By the retriever of a run as it is, or as it was before its first step. To be called between two steps; the run is as it was.
   * @throws CorpusError `aborted`; the GPU's errors
   */
  async byRun(name: RunDenseName, run: OpenRun, request: EvaluationRequest): Promise<DenseVectors> {
    const { experiment } = run;
    const step = name === 'run' ? experiment.optimiser.step : 0;
    const known = this.#last.get(name);
    if (known?.of === experiment && known.step === step) return known;
    const place = this.#placeOf(experiment);
    const made = name === 'run' ? undefined : await experiment.models.untrainedRetriever();
    try {
      const own = name === 'run' ? `step-${step}` : 'untrained';
      const embedder = runEmbedder(run, { decoder: made?.decoder });
      const id = place === 1 ? own : `run${place}-${own}`;
      const embedded = await this.#embed({ id, words: wordsOf(name, run), embedder }, request);
      const vectors = { ...embedded, of: experiment, step, notices: this.#notices(run) };
      this.#last.set(name, vectors);
      return vectors;
    } finally {
      made?.destroy();
    }
  }

  /** By a pretrained encoder, beside whatever the run does. @throws CorpusError `aborted`; ModelFileError where its worker fails */
  async byEncoder(encoder: Encoder, request: EvaluationRequest): Promise<DenseVectors> {
    const known = this.#last.get('encoder');
    if (known?.of === encoder) return known;
    const { name, card, maxTokens } = encoder;
    const words = `${name}, pretrained encoder (${shapeOf(card)})`;
    const embedded = await this.#embed({ id: name.replace(/\s+/g, '-'), words, embedder: encoder }, request);
    const { documents } = this.collection;
    const long = await encoder.countLonger('passage', documents.map(documentText));
    const notices =
      long === 0
        ? []
        : [`${long} of ${documents.length} documents have more than ${maxTokens} tokens: it reads no further.`];
    const vectors = { ...embedded, of: encoder, step: undefined, notices };
    this.#last.set('encoder', vectors);
    return vectors;
  }

  async #embed(
    { id, words, embedder }: { readonly id: string; readonly words: string; readonly embedder: Embedder },
    { signal, onProgress }: EvaluationRequest,
  ) {
    const started = performance.now();
    const vectors = new CollectionVectors(this.collection, embedder, words);
    await vectors.vectors({ depth: 0, signal, onProgress: (detail, fraction) => onProgress({ detail, fraction }) });
    return { system: remembered(denseSystem(id, vectors)), vectors, took: performance.now() - started };
  }

  /** Counts the runs that were measured, from 1. */
  #placeOf(experiment: Experiment): number {
    const place = this.#runs.get(experiment) ?? this.#runs.size + 1;
    this.#runs.set(experiment, place);
    return place;
  }

  #notices({ prepared }: OpenRun): string[] {
    const { corpus, recipe } = prepared;
    const sample = this.collection.documents.slice(0, SAMPLE);
    const long = sample.filter(
      (document) => corpus.retrieverTokenizer.countTokens(documentText(document)) > USUAL_TEXT_TOKENS,
    ).length;
    const of = sample.length < this.collection.documents.length ? `the first ${sample.length}` : `${sample.length}`;
    return [
      ...(long === 0
        ? []
        : [`${long} of ${of} documents have more than ${USUAL_TEXT_TOKENS} tokens: the retriever reads no further.`]),
      ...(recipe.configuration.base === 'checkpoint' ? [] : strangeWords(prepared, sample.map(documentText))),
    ];
  }
}

/** Models from scratch know no other words than those of their text: says how many of a collection's that are. */
function strangeWords({ corpus, recipe }: OpenRun['prepared'], texts: readonly string[]): string[] {
  const all = texts.flatMap(terms);
  const strange = all.filter((term) => corpus.terms.textsWith(term) === 0).length;
  const percent = Math.round((100 * strange) / Math.max(1, all.length));
  if (percent === 0) return [];
  const read =
    recipe.configuration.source === 'facts'
      ? 'all of them are one unknown word to it'
      : 'it reads them in pieces of words that it does know, or byte by byte';
  return [`${percent} % of the words here are not in the text that this small model was made from: ${read}.`];
}

/** "Revela after 20 steps, small model from scratch on Facts". */
function wordsOf(name: RunDenseName, { prepared, experiment }: OpenRun): string {
  const { recipe, corpus } = prepared;
  const { configuration } = recipe;
  const model =
    configuration.base === 'checkpoint'
      ? configuration.retrieverCheckpoint || configuration.checkpoint
      : `small model from scratch (seed ${configuration.seed})`;
  if (name === 'untrained') return `${model}, untrained`;
  const { step } = experiment.optimiser;
  const steps = `${step} ${step === 1 ? 'step' : 'steps'}`;
  return `${objectiveLabel(configuration)} after ${steps} on ${corpus.summary.title}, ${model}${experiment.beganWithAdapters ? ', begun with imported adapters' : ''}`;
}

function objectiveLabel({ objective }: Configuration): string {
  return SETTINGS.objective.choices.find(({ value }) => value === objective)?.label ?? objective;
}
