import { pacer } from '../../../corpus/pacer.ts';
import { pastedText, type GivenText } from '../../../corpus/given.ts';
import { trainingTextOf } from '../../../evaluation/collections/builtIn.ts';
import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import { CollectionError } from '../../../evaluation/errors.ts';
import { measure, USUAL_MEASURES } from '../../../evaluation/measures/measures.ts';
import { scoresOf } from '../../../evaluation/measures/scores.ts';
import { leftOut } from '../../../evaluation/report.ts';
import { bootstrapInterval } from '../../../evaluation/significance/bootstrap.ts';
import { PackedRankings } from '../../../evaluation/systems/packedRankings.ts';
import { USUAL_DEPTH, type RetrievalSystem } from '../../../evaluation/systems/system.ts';
import { readRunFile } from '../../../evaluation/trec/runFile.ts';
import { blobSource } from '../../../files/formats/byteSource.ts';
import type { Encoder } from '../../../encoder/encoder.ts';
import type { ScoredCollection } from '../../../run/loop.ts';
import type { OpenRun } from '../../../run/openRun.ts';
import type {
  CollectionView,
  DenseName,
  EvaluationTable,
  QueryPage,
  RankedListsView,
} from '../../door/evaluationViews.ts';
import type { CommandOf } from '../../door/protocol.ts';
import type { LabFile } from '../../door/views.ts';
import { readSource, type EvaluationRequest } from './collectionSource.ts';
import type { DenseVectors } from './denseVectors.ts';
import { evaluationFile } from './evaluationFiles.ts';
import { OpenCollection, SEED } from './openCollection.ts';
import { rankedLists } from './rankedLists.ts';
import { requestedSystem, type Ready } from './requestedSystem.ts';
import { evaluationTable, queryPage } from './tableViews.ts';

/** Work on the run that is open, between two of its steps. */
type Between = <T>(work: (run: OpenRun) => Promise<T>) => Promise<T>;

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
    this.#open = new OpenCollection(collection, source);
    return this.#open.view;
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
    const ready = await requestedSystem(wanted, open, (name) => this.#dense(name, open, request, between));
    open.requireRoom(ready.system.id);
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
      open.requireRoom(ready.system.id);
      ids.push((await this.#measure(open, ready, rankings, request)).id);
    }
    return { ids };
  }

  /** @throws CollectionError where no collection is open. */
  async table(command: CommandOf<'evaluationTable'>, signal: AbortSignal): Promise<EvaluationTable> {
    return evaluationTable(this.#opened(), command, signal);
  }

  /** A page of the queries, worst losses of a system first. */
  queries(command: CommandOf<'evaluationQueries'>): QueryPage {
    return queryPage(this.#opened(), command);
  }

  lists({ query, systems, limit }: CommandOf<'rankedLists'>): RankedListsView {
    const open = this.#opened();
    return rankedLists(
      open.collection,
      systems.map((id) => open.system(id)),
      query,
      limit,
    );
  }

  forget({ id }: CommandOf<'forgetSystem'>): void {
    this.#opened().remove(id);
  }

  /** @throws CollectionError for ids with spaces in them, which TREC's files cannot hold. */
  file(command: CommandOf<'exportEvaluation'>): LabFile {
    return evaluationFile(this.#opened(), command);
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
    { system, step, took = 0, notices = [], isYardstick = false }: Ready,
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
      isYardstick,
    });
    return { id };
  }

  #opened(): OpenCollection {
    if (this.#open) return this.#open;
    throw new CollectionError('No labelled collection is open. Choose one first.');
  }
}

/** The name, with a number behind it where that is taken. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let n = 2;
  while (taken.has(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}
