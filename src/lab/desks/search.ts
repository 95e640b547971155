import { CorpusError } from '../../corpus/errors.ts';
import type { Decoder } from '../../models/decoder.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { Bm25 } from '../../retrieval/bm25.ts';
import { EmbeddingIndex, ranking } from '../../retrieval/embeddingIndex.ts';
import type { Configuration } from '../../settings/configuration.ts';
import type { CorpusSetup } from '../../run/corpusSetup.ts';
import { embedTexts } from '../../run/embedding.ts';
import type { RunModels } from '../../run/buildModels.ts';
import {
  SEARCH_SIDES,
  type DocumentStanding,
  type SearchHit,
  type SearchResult,
  type SearchSide,
} from '../door/views.ts';
import { askedFor } from './askedFor.ts';
import type { TfIdfIndex } from '../../retrieval/tfidf.ts';

export interface IndexOptions {
  /** Ends the work between two batches with a CorpusError `aborted`; the index stays as it was. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
}

interface Untrained {
  readonly decoder: Decoder;
  destroy(): void;
}

/**
 * Every chunk of a corpus embedded by a run's retriever, as it is and as it began. Of a retriever that is trained whole the
 * first weights are kept on the GPU beside the present ones; with adapters both share the base.
 * Works on the run's own models, so nothing of it may run while a step does.
 */
export class CorpusIndex {
  readonly #bm25: Bm25;
  readonly #tfidf: TfIdfIndex;
  #untrained: Untrained | undefined;
  #before: EmbeddingIndex | undefined;
  #after: EmbeddingIndex | undefined;
  #step: number | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly models: RunModels,
    private readonly corpus: CorpusSetup,
    private readonly configuration: Pick<Configuration, 'pooling' | 'chunkTokens'>,
  ) {
    this.#bm25 = new Bm25(corpus.chunkTexts);
    this.#tfidf = corpus.tfidf.index(corpus.chunkTexts);
  }

  /** The training step whose retriever embedded the chunks; undefined before the first build. */
  get step(): number | undefined {
    return this.#step;
  }

  /** Whether the retriever has moved on (or nothing is built yet): its queries no longer fit the chunks' embeddings. */
  isStale(step: number): boolean {
    return this.#step !== step;
  }

  /** What was built last, for export; undefined before the first build. */
  get embeddings(): { readonly after: EmbeddingIndex; readonly before: EmbeddingIndex } | undefined {
    return this.#after && this.#before ? { after: this.#after, before: this.#before } : undefined;
  }

  /**
   * Embeds all chunks with the retriever as it is after `step` updates; the untrained one's embeddings are made once.
   * @throws CorpusError `aborted`; the GPU's errors. What was built before then still stands.
   */
  async build(step: number, { signal, onProgress }: IndexOptions = {}): Promise<void> {
    const { hiddenSize } = this.models.retriever.config;
    const sides = this.#before ? 1 : 2;
    const embed = (decoder: Decoder, detail: string, side: number) =>
      this.#embed(decoder, this.corpus.chunkTexts, 'passage', signal, (fraction) =>
        onProgress?.(detail, (side + fraction) / sides),
      );
    if (!this.#before) {
      const vectors = await embed((await this.#start()).decoder, 'Embedding with the retriever as it began', 0);
      this.#before = new EmbeddingIndex(vectors, hiddenSize);
    }
    const vectors = await embed(this.models.retriever, 'Embedding with the trained retriever', sides - 1);
    this.#after = new EmbeddingIndex(vectors, hiddenSize);
    this.#step = step;
  }

  /**
   * The k best chunks for a query, in each of the rankings. The query is embedded by the retriever as it is now.
   * @throws CorpusError `empty-text` for a blank query.
   */
  async search(query: string, k: number, signal?: AbortSignal): Promise<SearchResult> {
    if (query.trim() === '') throw new CorpusError('empty-text', 'There is nothing to search for. Type a few words.');
    const [after, before, step] = [this.#after, this.#before, this.#step];
    if (!after || !before || step === undefined) throw new Error('The index is not built yet.');
    const untrained = await this.#start();
    const embed = (decoder: Decoder) => this.#embed(decoder, [query], 'query', signal);
    const scores: Record<SearchSide, ArrayLike<number>> = {
      after: after.scores(await embed(this.models.retriever)),
      before: before.scores(await embed(untrained.decoder)),
      bm25: this.#bm25.scores(query),
      tfidf: this.#tfidf.scores(query),
    };
    const { chunks } = this.corpus;
    const asked = askedFor(query, chunks);
    return { query, step, chunks: chunks.length, ...this.#ranked(scores, k, asked), asked };
  }

  /** Gives back what the untrained retriever holds on the GPU. */
  destroy(): void {
    this.#untrained?.destroy();
    this.#untrained = undefined;
    this.#before = undefined;
    this.#after = undefined;
    this.#step = undefined;
  }

  async #start(): Promise<Untrained> {
    return (this.#untrained ??= await this.models.untrainedRetriever());
  }

  #embed(
    decoder: Decoder,
    texts: readonly string[],
    role: 'query' | 'passage',
    signal: AbortSignal | undefined,
    onProgress?: (fraction: number) => void,
  ): Promise<Float32Array> {
    const { pooling, chunkTokens: maxTokens } = this.configuration;
    const { centre } = this.models;
    const options = { role, pooling, centre, maxTokens, signal, onProgress };
    return embedTexts(this.runtime, decoder, this.corpus.retrieverTokenizer, texts, options);
  }

  /** The k best of each ranking, and where the documents of those and the one `asked` for stand in all of them. */
  #ranked(
    scores: Readonly<Record<SearchSide, ArrayLike<number>>>,
    k: number,
    asked: number | undefined,
  ): Pick<SearchResult, 'hits' | 'documents'> {
    const { chunks } = this.corpus;
    const order = bySide((side) => {
      const all = ranking(scores[side]);
      return side === 'bm25' || side === 'tfidf' ? all.filter((chunk) => (scores[side][chunk] ?? 0) > 0) : all;
    });
    const ranks = bySide((side) => new Map(order[side].map((chunk, i) => [chunk, i + 1])));
    const hits = bySide((side) =>
      order[side].slice(0, k).flatMap((chunk): SearchHit[] => {
        const found = chunks[chunk];
        if (!found) return [];
        const { text, document, documentTitle } = found;
        const score = scores[side][chunk] ?? NaN;
        return [{ chunk, text, document, documentTitle, score, ranks: bySide((other) => ranks[other].get(chunk)) }];
      }),
    );
    const first = bySide((side) => firstPlaces(order[side].map((chunk) => chunks[chunk]?.document)));
    const shown = new Set(SEARCH_SIDES.flatMap((side) => hits[side].map(({ document }) => document)));
    if (asked !== undefined) shown.add(asked);
    const documents = [...shown].map((document): DocumentStanding => ({
      document,
      title: chunks.find((chunk) => chunk.document === document)?.documentTitle ?? '',
      first: bySide((side) => first[side].get(document)),
    }));
    return { hits, documents };
  }
}

/** The place of each value's first occurrence, from 1. */
function firstPlaces<T>(values: readonly T[]): Map<T, number> {
  const places = new Map<T, number>();
  for (const [i, value] of values.entries()) if (!places.has(value)) places.set(value, i + 1);
  return places;
}

function bySide<T>(value: (side: SearchSide) => T): Record<SearchSide, T> {
  return { after: value('after'), before: value('before'), bm25: value('bm25'), tfidf: value('tfidf') };
}
