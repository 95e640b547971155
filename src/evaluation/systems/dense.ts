import { pacer } from '../../corpus/pacer.ts';
import type { Embedder } from '../../retrieval/embedder.ts';
import { EmbeddingIndex } from '../../retrieval/embeddingIndex.ts';
import { documentText, type LabelledCollection } from '../collections/collection.ts';
import type { FoundDocument, Rankings } from '../types.ts';
import type { RankingOptions, RetrievalSystem } from './system.ts';
import { TopDocuments } from './topDocuments.ts';

/** What a search of a collection starts from: a vector for each document and each query. */
interface Vectors {
  readonly documents: EmbeddingIndex;
  readonly queries: EmbeddingIndex;
}

/** A collection as one embedder sees it, embedded once for all systems that search it. */
export class CollectionVectors {
  #vectors: Promise<Vectors> | undefined;
  readonly #top: TopDocuments;
  /** Documents without text, which nothing finds. */
  readonly #empty: readonly number[];

  constructor(
    readonly collection: LabelledCollection,
    private readonly embedder: Embedder,
    /** "the untrained retriever". */
    readonly words: string,
  ) {
    const { documents } = collection;
    this.#top = new TopDocuments(documents.map(({ id }) => id));
    this.#empty = documents.flatMap((document, i) => (documentText(document) === '' ? [i] : []));
  }

  /** @throws CorpusError `aborted`; embedding begins anew then. */
  vectors(options: RankingOptions): Promise<Vectors> {
    this.#vectors ??= this.#embed(options).catch((cause: unknown) => {
      this.#vectors = undefined;
      throw cause;
    });
    return this.#vectors;
  }

  /** The best documents for a vector, by inner product. */
  best(documents: EmbeddingIndex, vector: ArrayLike<number>, depth: number): FoundDocument[] {
    const scores = documents.scores(vector);
    for (const i of this.#empty) scores[i] = -Infinity;
    return this.#top.best(scores, depth);
  }

  /** A list for each query: what `find` makes of its vector and place among the queries. A query without text finds nothing. */
  async rankings(
    options: RankingOptions,
    find: (vector: Float32Array, documents: EmbeddingIndex, place: number) => FoundDocument[],
  ): Promise<Rankings> {
    const pause = pacer(options.signal, 'Ranking');
    const { documents, queries } = await this.vectors(options);
    const rankings = new Map<string, FoundDocument[]>();
    for (const [i, { id, text }] of this.collection.queries.entries()) {
      await pause();
      options.onProgress?.(`Ranking by ${this.words}`, i / this.collection.queries.length);
      rankings.set(id, text.trim() === '' ? [] : find(queries.vector(i), documents, i));
    }
    return rankings;
  }

  async #embed({ signal, onProgress }: RankingOptions): Promise<Vectors> {
    const { dimensions, embed } = this.embedder;
    const side = async (role: 'query' | 'passage', what: string, texts: readonly string[]) => {
      const told = (fraction: number): void => onProgress?.(`Embedding ${what} with ${this.words}`, fraction);
      return new EmbeddingIndex(await embed(role, texts, { signal, onProgress: told }), dimensions);
    };
    const { documents, queries } = this.collection;
    return {
      documents: await side('passage', 'documents', documents.map(documentText)),
      queries: await side(
        'query',
        'queries',
        queries.map(({ text }) => text),
      ),
    };
  }
}

/** Documents by the cosine of their vector with the query's. */
export function denseSystem(id: string, vectors: CollectionVectors): RetrievalSystem {
  return {
    id,
    words: vectors.words,
    rank: (options) => vectors.rankings(options, (vector, documents) => vectors.best(documents, vector, options.depth)),
  };
}
