import type { Batch, Chunk, ChunkPool } from '../corpus/types.ts';
import type { HardNegative } from '../objectives/objective.ts';
import { Bm25 } from '../retrieval/bm25.ts';
import type { Embedder } from '../retrieval/embedder.ts';
import { EmbeddingIndex, ranking } from '../retrieval/embeddingIndex.ts';
import { whyIdle } from '../settings/applicability.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSetup } from './corpusSetup.ts';

/** Finds passages of other documents for the chunks of a batch to be told apart from. */
export interface HardNegatives {
  /** Makes ready what the batches of update `step` + 1 need. @throws the GPU's errors. */
  prepare(step: number): Promise<void>;
  /** Of the training batch at a position. Each chunk once, however many rows it was found for. */
  of(position: number, batch: Batch): HardNegative[];
  /** What was found and does not follow from the step alone, for a saved run; undefined: nothing. */
  state(): Float32Array<ArrayBuffer> | undefined;
  /** Takes such a state back. One of other settings is left aside: then they are found anew before the next step. */
  restore(state: Float32Array<ArrayBuffer>): void;
}

/**
 * The hard negatives that a configuration asks for; undefined where it asks for none, or its objective knows none.
 * @param embedder the run's retriever as it is when it is asked.
 */
export function hardNegativesOf(
  configuration: Configuration,
  corpus: CorpusSetup,
  embedder: Embedder,
): HardNegatives | undefined {
  const { hardNegatives } = configuration;
  if (hardNegatives === 'none' || whyIdle('hardNegatives', configuration) !== undefined) return undefined;
  return hardNegatives === 'static'
    ? new StaticNegatives(corpus.negatives, configuration)
    : new MinedNegatives(corpus, configuration, embedder);
}

/** The best chunks by BM25 that are of another document, the same whenever a chunk is met. */
class StaticNegatives implements HardNegatives {
  readonly #index: Bm25;
  readonly #found = new Map<number, readonly number[]>();

  constructor(
    private readonly pool: ChunkPool,
    private readonly configuration: Pick<Configuration, 'hardNegativesPerQuery'>,
  ) {
    this.#index = new Bm25(pool.chunks.map(({ text }) => text));
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  of(_position: number, batch: Batch): HardNegative[] {
    return together(
      this.pool,
      batch,
      batch.chunks.map((chunk) => this.#negativesOf(chunk)),
    );
  }

  state(): undefined {
    return undefined;
  }

  restore(): void {
    // All follows from the text.
  }

  #negativesOf(chunk: Chunk): readonly number[] {
    const known = this.#found.get(chunk.index);
    if (known) return known;
    const { pool } = this;
    const own = pool.documentOf(chunk);
    const partners = pool.chunks.filter((one) => pool.documentOf(one) === own).length;
    const { hardNegativesPerQuery: count } = this.configuration;
    const found = this.#index
      .search(chunk.text, count + partners)
      .map(({ index }) => index)
      .filter((index) => isOther(pool, index, own))
      .slice(0, count);
    this.#found.set(chunk.index, found);
    return found;
  }
}

/** Updates that a mining is for: from + 1 to until. */
interface Mined {
  readonly from: number;
  readonly until: number;
  /** Places in the pool, best first, of each row of each batch of these updates; −1 where too few are left. */
  readonly places: Float32Array<ArrayBuffer>;
}

/**
 * The chunks of other documents that the retriever itself takes for the nearest, by cosine of the chunk as query with all of the pool as
 * passages; found anew every `mineEvery` updates with the weights of that step, for all batches until the next time.
 */
class MinedNegatives implements HardNegatives {
  #mined: Mined | undefined;

  constructor(
    private readonly corpus: Pick<CorpusSetup, 'batches' | 'negatives'>,
    private readonly configuration: Pick<Configuration, 'hardNegativesPerQuery' | 'mineEvery' | 'accumulation'>,
    private readonly embedder: Embedder,
  ) {}

  async prepare(step: number): Promise<void> {
    const mined = this.#mined;
    if (mined && mined.from <= step && step < mined.until) return;
    this.#mined = await this.#mine(step);
  }

  of(position: number, batch: Batch): HardNegative[] {
    const { accumulation, hardNegativesPerQuery: count } = this.configuration;
    const mined = this.#mined;
    const first = mined && (position - mined.from * accumulation) * batch.chunks.length * count;
    const found = batch.chunks.map((_, row) => {
      // A batch of other steps is only looked at: what was found for it is not kept.
      const places =
        first === undefined || first < 0 ? [] : mined?.places.slice(first + row * count, first + (row + 1) * count);
      return Array.from(places ?? []).filter((place) => place >= 0);
    });
    return together(this.corpus.negatives, batch, found);
  }

  state(): Float32Array<ArrayBuffer> | undefined {
    const mined = this.#mined;
    return mined && Float32Array.from([mined.from, mined.until, ...mined.places]);
  }

  restore(state: Float32Array<ArrayBuffer>): void {
    const [from = NaN, until = NaN] = state;
    const places = state.slice(2);
    const { mineEvery, accumulation, hardNegativesPerQuery } = this.configuration;
    const { batches, negatives } = this.corpus;
    const isWhole = places.length === (until - from) * accumulation * batches.batchSize * hardNegativesPerQuery;
    const isKnown = places.every((place) => Number.isInteger(place) && place >= -1 && place < negatives.chunks.length);
    this.#mined = isWhole && isKnown && until === nextMining(from, mineEvery) ? { from, until, places } : undefined;
  }

  /** Searches for all batches from a step on, to the next mining. */
  async #mine(from: number): Promise<Mined> {
    const { mineEvery, accumulation, hardNegativesPerQuery: count } = this.configuration;
    const { batches, negatives: pool } = this.corpus;
    const until = nextMining(from, mineEvery);
    const met = Array.from({ length: (until - from) * accumulation }, (_, i) =>
      batches.batchAt(from * accumulation + i),
    ).flatMap(({ chunks }) => chunks);
    const asked = [...new Map(met.map((chunk) => [chunk.index, chunk])).values()];
    const texts = (chunks: readonly Chunk[]): string[] => chunks.map(({ text }) => text);
    const { dimensions } = this.embedder;
    const passages = new EmbeddingIndex(await this.embedder.embed('passage', texts(pool.chunks), {}), dimensions);
    const queries = await this.embedder.embed('query', texts(asked), {});
    const found = new Map(
      asked.map((chunk, i) => {
        const own = pool.documentOf(chunk);
        const ranked = ranking(passages.scores(queries.subarray(i * dimensions, (i + 1) * dimensions)));
        const others = ranked.filter((index) => isOther(pool, index, own)).slice(0, count);
        return [chunk.index, Array.from({ length: count }, (_, k) => others[k] ?? -1)] as const;
      }),
    );
    return { from, until, places: Float32Array.from(met.flatMap(({ index }) => found.get(index) ?? [])) };
  }
}

/** The first step after `step` before which is mined again. */
function nextMining(step: number, every: number): number {
  return (Math.floor(step / every) + 1) * every;
}

function isOther(pool: ChunkPool, index: number, document: number): boolean {
  const chunk = pool.chunks[index];
  return chunk !== undefined && pool.documentOf(chunk) !== document;
}

/** What was found for the rows of a batch, each chunk once, with the rows whose document it is of. */
function together(pool: ChunkPool, batch: Batch, found: readonly (readonly number[])[]): HardNegative[] {
  const documents = batch.chunks.map((chunk) => pool.documentOf(chunk));
  return [...new Set(found.flat())].flatMap((place) => {
    const chunk = pool.chunks[place];
    if (!chunk) return [];
    const own = pool.documentOf(chunk);
    const partners = documents.flatMap((document, row) => (document === own ? [row] : []));
    return [{ text: chunk.text, partners }];
  });
}
