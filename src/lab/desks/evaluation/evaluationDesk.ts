import { pacer } from '../../../corpus/pacer.ts';
import { pastedText, type GivenText } from '../../../corpus/given.ts';
import { trainingTextOf } from '../../../evaluation/collections/builtIn.ts';
import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import {
  compareTwo,
  corrected,
  queryRows,
  type QueryRow,
  type SystemComparison,
  type UncorrectedComparison,
} from '../../../evaluation/comparison.ts';
import { CollectionError } from '../../../evaluation/errors.ts';
import { measure, measureWords, USUAL_MEASURES } from '../../../evaluation/measures/measures.ts';
import { scoresOf } from '../../../evaluation/measures/scores.ts';
import { evaluationJson, leftOut, perQueryText, signsWords, type EvaluatedSystem } from '../../../evaluation/report.ts';
import { bootstrapInterval } from '../../../evaluation/significance/bootstrap.ts';
import { COMBINED } from '../../../evaluation/systems/combined.ts';
import { bm25System, CollectionWords, tfIdfSystem, USUAL_BM25 } from '../../../evaluation/systems/lexical.ts';
import { PackedRankings } from '../../../evaluation/systems/packedRankings.ts';
import { remembered, USUAL_DEPTH, type RetrievalSystem } from '../../../evaluation/systems/system.ts';
import { qrelsText } from '../../../evaluation/trec/qrelsFile.ts';
import { readRunFile, runText } from '../../../evaluation/trec/runFile.ts';
import { blobSource } from '../../../files/formats/byteSource.ts';
import type { Encoder } from '../../../encoder/encoder.ts';
import { CollectionScorer } from '../../../run/collectionScores.ts';
import type { ScoredCollection } from '../../../run/loop.ts';
import type { OpenRun } from '../../../run/openRun.ts';
import type {
  Bm25View,
  CollectionSource,
  CollectionView,
  ComparisonView,
  DenseName,
  EvaluationTable,
  QueryFilter,
  QueryPage,
  RankedListsView,
  SystemRequest,
} from '../../door/evaluationViews.ts';
import type { CommandOf } from '../../door/protocol.ts';
import type { LabFile } from '../../door/views.ts';
import { readSource, type EvaluationRequest } from './collectionSource.ts';
import { rankedLists } from './rankedLists.ts';
import { Embeddings, type DenseVectors } from './denseVectors.ts';

/** Work on the run that is open, between two of its steps. */
type Between = <T>(work: (run: OpenRun) => Promise<T>) => Promise<T>;

/** A system that was measured, with its lists. */
interface Measured extends EvaluatedSystem {
  readonly rankings: PackedRankings;
  readonly intervals: Readonly<Record<string, readonly [number, number] | undefined>>;
  readonly step: number | undefined;
  readonly notices: readonly string[];
}

/** What has an id, and is to be ranked with. */
interface Ready {
  readonly system: RetrievalSystem;
  readonly step?: number | undefined;
  /** Time that was spent on it so far, ms. */
  readonly took?: number;
  readonly notices?: readonly string[];
}

/** By chance at most in one of twenty tables. */
const LEVEL = 0.05;
/** Of resamples, sign flips and folds, as on the command line. */
const SEED = 0;
/** More systems than this are too many to be read, and to be held. */
const MOST_SYSTEMS = 24;

/** The collection that is open, and all systems that were measured on it. */
class OpenCollection {
  readonly words: CollectionWords;
  readonly embeddings: Embeddings;
  readonly scorer: CollectionScorer;
  readonly systems = new Map<string, Measured>();
  /** Rankings that others are made of. */
  readonly #remembered = new Map<string, RetrievalSystem>();
  readonly #compared = new Map<string, UncorrectedComparison>();

  constructor(
    readonly collection: LabelledCollection,
    readonly view: CollectionView,
  ) {
    this.words = new CollectionWords(collection);
    this.embeddings = new Embeddings(collection);
    this.scorer = new CollectionScorer(collection);
  }

  /** The system of that name with its lists kept, made where there is none yet. */
  kept(id: string, make: () => RetrievalSystem): RetrievalSystem {
    const made = this.#remembered.get(id) ?? remembered(make());
    this.#remembered.set(id, made);
    return made;
  }

  add(system: Measured): void {
    // Measured again, it says the same, or what counts from now on.
    for (const key of this.#compared.keys()) if (key.split(' ').includes(system.id)) this.#compared.delete(key);
    this.systems.set(system.id, system);
  }

  remove(id: string): void {
    this.systems.delete(id);
    this.#remembered.delete(id);
  }

  /** Every system but the reference beside it, by one measure. */
  async compared(reference: Measured, measure: string, signal: AbortSignal): Promise<SystemComparison[]> {
    const pause = pacer(signal, 'Comparing');
    const found: UncorrectedComparison[] = [];
    for (const system of this.systems.values()) {
      if (system === reference) continue;
      await pause();
      const key = `${system.id} ${reference.id} ${measure}`;
      const one = this.#compared.get(key) ?? compareTwo(reference, system, measure, SEED);
      this.#compared.set(key, one);
      found.push(one);
    }
    return corrected(found);
  }
}

/**
 * Measures systems on a labelled collection, and tells of each query who does how well. What needs the retriever of the run that is open
 * is done between two of its steps; all else beside it.
 */
export class EvaluationDesk {
  #open: OpenCollection | undefined;

  /** @param encoder the pretrained encoder that is open; it throws where none is */
  constructor(private readonly encoder: () => Encoder) {}

  /** Takes a collection in the place of the one that was open; that stays where this one cannot be read. */
  async open({ source }: CommandOf<'openCollection'>, request: EvaluationRequest): Promise<CollectionView> {
    const collection = await readSource(source, request);
    const view = viewOf(source, collection);
    this.#open = new OpenCollection(collection, view);
    return view;
  }

  close(): void {
    this.#open = undefined;
  }

  /** The collection that is open, if any. */
  get opened(): LabelledCollection | undefined {
    return this.#open?.collection;
  }

  /** The collection that is open as what a run is scored on every so many steps; undefined for 0, or where none is open. */
  scored(every: number, signal: AbortSignal): ScoredCollection | undefined {
    return every === 0 || !this.#open ? undefined : { scorer: this.#open.scorer, every, signal };
  }

  /** Text of a built-in collection's field, without labels. */
  async trainingText({ id }: CommandOf<'trainingText'>): Promise<GivenText> {
    return pastedText(`${id} training text`, await trainingTextOf(id));
  }

  /**
   * Measures a system, which then stands in the table under the id that is answered.
   * @throws CollectionError where no collection is open; CorpusError `aborted`; the GPU's errors
   */
  async evaluate(
    { system: wanted }: CommandOf<'evaluateSystem'>,
    request: EvaluationRequest,
    between: Between,
  ): Promise<{ readonly id: string }> {
    const open = this.#opened();
    const ready = await this.#ready(wanted, open, request, between);
    requireRoom(open, ready.system.id);
    const started = performance.now();
    const rankings = await ready.system.rank({
      depth: USUAL_DEPTH,
      signal: request.signal,
      onProgress: (detail, fraction) => request.onProgress({ detail, fraction }),
    });
    const took = (ready.took ?? 0) + performance.now() - started;
    return this.#measure(open, { ...ready, took }, rankings, request);
  }

  /** Rankings of other programs, each file a system. Where one of them cannot be read, none is taken. */
  async importRankings(
    { files }: CommandOf<'importRankings'>,
    request: EvaluationRequest,
  ): Promise<{ readonly ids: readonly string[] }> {
    const open = this.#opened();
    const read: { readonly ready: Ready; readonly rankings: PackedRankings }[] = [];
    const taken = new Set(open.systems.keys());
    for (const { path, blob } of files) {
      const onProgress = (fraction: number): void => request.onProgress({ detail: `Reading ${path}`, fraction });
      const { rankings, tag, notices } = await readRunFile(blobSource(path, blob), {
        signal: request.signal,
        onProgress,
      });
      if (![...rankings.keys()].some((query) => open.collection.qrels.has(query)))
        throw new CollectionError(
          `${path} ranks for no query that is judged here: it belongs to another collection than ${open.collection.title}.`,
        );
      const id = freeName(tag || path.slice(path.lastIndexOf('/') + 1).replace(/\s+/g, '-'), taken);
      taken.add(id);
      const system = { id, words: `the rankings of ${path}`, rank: () => Promise.resolve(rankings) };
      read.push({ ready: { system, notices }, rankings: new PackedRankings(rankings) });
    }
    const ids: string[] = [];
    for (const { ready, rankings } of read) {
      requireRoom(open, ready.system.id);
      ids.push((await this.#measure(open, ready, rankings, request)).id);
    }
    return { ids };
  }

  /** @throws CollectionError where no collection is open. */
  async table(command: CommandOf<'evaluationTable'>, signal: AbortSignal): Promise<EvaluationTable> {
    const open = this.#opened();
    const name = measureOf(command.measure);
    const reference = referenceOf(open, command.reference);
    const comparisons = reference ? await open.compared(reference, name, signal) : [];
    const by = new Map(comparisons.map((one) => [one.system, comparisonView(one)]));
    return {
      collection: open.view,
      measures: USUAL_MEASURES.map((one) => ({ name: one, words: measureWords(one) })),
      measure: name,
      reference: reference?.id,
      queries: reference?.scores.queries.length ?? 0,
      systems: [...open.systems.values()].map(({ id, words, step, scores, intervals, seconds, notices }) => ({
        id,
        words,
        step,
        means: Object.fromEntries(scores.means),
        intervals,
        seconds,
        notices,
        comparison: by.get(id),
      })),
      signs: signsWords(comparisons),
    };
  }

  /** A page of the queries, worst losses of a system first. */
  queries(command: CommandOf<'evaluationQueries'>): QueryPage {
    const open = this.#opened();
    const rows = rowsOf(open, command);
    const of = {
      all: rows,
      losses: rows.filter(({ difference }) => difference < 0),
      wins: rows.filter(({ difference }) => difference > 0).reverse(),
    } satisfies Record<QueryFilter, readonly QueryRow[]>;
    const chosen = of[command.filter];
    const texts = new Map(open.collection.queries.map(({ id, text }) => [id, text]));
    return {
      rows: chosen
        .slice(command.from, command.from + command.limit)
        .map((row) => ({ ...row, text: texts.get(row.query) ?? '' })),
      total: chosen.length,
      from: command.from,
      counts: { all: rows.length, losses: of.losses.length, wins: of.wins.length },
    };
  }

  lists({ query, systems, limit }: CommandOf<'rankedLists'>): RankedListsView {
    const open = this.#opened();
    return rankedLists(
      open.collection,
      systems.map((id) => systemOf(open, id)),
      query,
      limit,
    );
  }

  forget({ id }: CommandOf<'forgetSystem'>): void {
    this.#opened().remove(id);
  }

  /** @throws CollectionError for ids with spaces in them, which TREC's files cannot hold. */
  file({ file, reference, measure: name }: CommandOf<'exportEvaluation'>): LabFile {
    const open = this.#opened();
    const { collection } = open;
    const title = collection.title.replace(/\.zip$/i, '').replace(/[^\p{L}\p{N}.-]+/gu, '-');
    const primary = measure(measureOf(name));
    const first = referenceOf(open, reference);
    const others = [...open.systems.values()].filter((system) => system !== first);
    const evaluated = (systems: readonly EvaluatedSystem[]) => ({
      collection,
      systems,
      measures: [primary, ...USUAL_MEASURES.filter((one) => one !== primary.name).map(measure)],
      seed: SEED,
    });
    switch (file.what) {
      case 'run':
        return textFile(`${title}.${file.system}.trec`, runText(systemOf(open, file.system).rankings, file.system));
      case 'qrels':
        return textFile(`${title}.qrels`, qrelsText(collection.qrels));
      case 'queries': {
        const last = systemOf(open, file.system);
        const between = others.filter((system) => system !== last);
        const systems = first && first !== last ? [first, ...between, last] : [last];
        return textFile(`${title}.queries.tsv`, perQueryText(evaluated(systems)));
      }
      case 'systems':
        return textFile(
          `${title}.systems.jsonl`,
          evaluationJson(evaluated(first ? [first, ...others] : [])).map((one) => `${JSON.stringify(one)}\n`),
        );
    }
  }

  async #ready(
    wanted: SystemRequest,
    open: OpenCollection,
    request: EvaluationRequest,
    between: Between,
  ): Promise<Ready> {
    switch (wanted.name) {
      case 'bm25':
        return { system: sparse(open, wanted) };
      case 'tfidf':
        return { system: open.kept('tfidf', () => tfIdfSystem(open.words)) };
      case 'run':
      case 'untrained':
      case 'encoder':
        return this.#dense(wanted.name, open, request, between);
      default: {
        const dense = await this.#dense(wanted.of, open, request, between);
        const { collection } = open;
        const first = sparse(open, wanted);
        const usesWords = wanted.name === 'hybrid' || wanted.name === 'rrf';
        const id = `${wanted.name}-${dense.system.id}${usesWords ? first.id.slice('bm25'.length) : ''}`;
        const system = COMBINED[wanted.name].make(id, {
          collection,
          sparse: first,
          dense: dense.system,
          vectors: dense.vectors,
          measure: measure(USUAL_MEASURES[0]),
          seed: SEED,
        });
        return { ...dense, system };
      }
    }
  }

  #dense(
    name: DenseName,
    { embeddings }: OpenCollection,
    request: EvaluationRequest,
    between: Between,
  ): Promise<DenseVectors> {
    if (name === 'encoder') return embeddings.byEncoder(this.encoder(), request);
    return between((run) => embeddings.byRun(name, run, request));
  }

  async #measure(
    open: OpenCollection,
    { system, step, took = 0, notices = [] }: Ready,
    rankings: PackedRankings | Awaited<ReturnType<RetrievalSystem['rank']>>,
    { signal, onProgress }: EvaluationRequest,
  ): Promise<{ readonly id: string }> {
    const pause = pacer(signal, 'Measuring');
    const { id, words, weights } = system;
    onProgress({ detail: `Measuring ${id}`, fraction: 0 });
    await pause();
    const scores = scoresOf(rankings, open.collection.qrels, USUAL_MEASURES.map(measure));
    const intervals: Record<string, readonly [number, number] | undefined> = {};
    for (const [i, name] of USUAL_MEASURES.entries()) {
      onProgress({ detail: `Measuring ${id}`, fraction: (i + 1) / (USUAL_MEASURES.length + 1) });
      intervals[name] = bootstrapInterval(scores.perQuery.get(name) ?? [], SEED);
      await pause();
    }
    open.add({
      id,
      words,
      step,
      scores,
      intervals,
      seconds: took / 1000,
      weights,
      rankings: rankings instanceof PackedRankings ? rankings : new PackedRankings(rankings),
      notices: [...notices, ...leftOut({ id, scores })],
    });
    return { id };
  }

  #opened(): OpenCollection {
    if (this.#open) return this.#open;
    throw new CollectionError('No labelled collection is open. Choose one first.');
  }
}

function viewOf(source: CollectionSource, { title, documents, queries, notices }: LabelledCollection): CollectionView {
  const id = source.from === 'builtIn' ? source.id : undefined;
  return { title, from: source.from, id, documents: documents.length, queries: queries.length, notices };
}

function sparse(open: OpenCollection, { k1, b }: Bm25View): RetrievalSystem {
  const isUsual = k1 === USUAL_BM25.k1 && b === USUAL_BM25.b;
  const id = isUsual ? 'bm25' : `bm25-k1-${k1}-b-${b}`;
  return open.kept(id, () => ({ ...bm25System(open.words, { k1, b }), id }));
}

function requireRoom({ systems }: OpenCollection, id: string): void {
  if (systems.has(id) || systems.size < MOST_SYSTEMS) return;
  throw new CollectionError(`The table holds ${MOST_SYSTEMS} systems. Take one off it first.`);
}

/** @throws CollectionError for a system that is not in the table. */
function systemOf({ systems }: OpenCollection, id: string): Measured {
  const found = systems.get(id);
  if (found) return found;
  throw new CollectionError(`${id} is not in the table any more.`);
}

/** The one that is asked for; else the first, as long as there is any. */
function referenceOf({ systems }: OpenCollection, id: string | undefined): Measured | undefined {
  return (id === undefined ? undefined : systems.get(id)) ?? systems.values().next().value;
}

/** @throws CollectionError for a measure that systems are not measured by. */
function measureOf(name: string | undefined): string {
  const found = USUAL_MEASURES.find((one) => one === (name ?? USUAL_MEASURES[0]));
  if (found !== undefined) return found;
  throw new CollectionError(`Systems are not measured by ${name}. There are ${USUAL_MEASURES.join(', ')}.`);
}

/** All queries, with values in the order of the table, worst losses of a system against the reference first. */
function rowsOf(
  open: OpenCollection,
  { reference, system, measure: name }: CommandOf<'evaluationQueries'>,
): readonly QueryRow[] {
  const first = referenceOf(open, reference);
  if (!first) return [];
  const all = [...open.systems.values()];
  const last = systemOf(open, system);
  const order = queryRows([first, last], measureOf(name));
  const values = new Map(queryRows(all, measureOf(name)).map((row) => [row.query, row.values]));
  return order.map((row) => ({ ...row, values: values.get(row.query) ?? [] }));
}

function comparisonView({ difference, better, worse, same, signFlip, t }: SystemComparison): ComparisonView {
  const p = signFlip.corrected;
  const verdict = p >= LEVEL ? 'no difference' : difference > 0 ? 'better' : 'worse';
  return { difference, better, worse, same, p, pOfT: t.corrected, verdict };
}

/** The name, with a number behind it where that is taken. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let n = 2;
  while (taken.has(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

function textFile(name: string, pieces: Iterable<string>): LabFile {
  return { name, bytes: new TextEncoder().encode([...pieces].join('')) };
}
