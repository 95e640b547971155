import { pacer } from '../../corpus/pacer.ts';
import { Bm25, type Bm25Options } from '../../retrieval/bm25.ts';
import { InvertedIndex } from '../../retrieval/invertedIndex.ts';
import { TfIdf } from '../../retrieval/tfidf.ts';
import { documentText, type LabelledCollection } from '../collections/collection.ts';
import type { FoundDocument, Rankings } from '../types.ts';
import type { RankingOptions, RetrievalSystem } from './system.ts';
import { TopDocuments } from './topDocuments.ts';

/** The words of a collection's documents, counted once for all systems that go by them. */
export class CollectionWords {
  #index: Promise<InvertedIndex> | undefined;

  constructor(readonly collection: LabelledCollection) {}

  /** @throws CorpusError `aborted`; counting begins anew then. */
  index(options: RankingOptions): Promise<InvertedIndex> {
    this.#index ??= this.#count(options).catch((cause: unknown) => {
      this.#index = undefined;
      throw cause;
    });
    return this.#index;
  }

  async #count({ signal, onProgress }: RankingOptions): Promise<InvertedIndex> {
    const pause = pacer(signal, 'Counting words');
    const { documents } = this.collection;
    const index = new InvertedIndex();
    for (const [i, document] of documents.entries()) {
      await pause();
      onProgress?.('Counting words', i / documents.length);
      index.add(documentText(document));
    }
    return index;
  }
}

/** What ranks all documents of an index for a text: scores above 0 for those that share a term with it, and for no others. */
interface LexicalRanking {
  scores(query: string): Float64Array;
}

/** Constants of BM25 as they are set here: Robertson's in pyserini's and Anserini's reproductions. */
export const USUAL_BM25 = { k1: 0.9, b: 0.4 } as const;

/** BM25 in Lucene's form over whole words. */
export function bm25System(
  words: CollectionWords,
  { k1 = USUAL_BM25.k1, b = USUAL_BM25.b }: Bm25Options = {},
): RetrievalSystem {
  return lexicalSystem('bm25', `BM25, k1 ${k1}, b ${b}`, words, (index) => new Bm25(index, { k1, b }));
}

/** Cosines of TF-IDF vectors over whole words. */
export function tfIdfSystem(words: CollectionWords): RetrievalSystem {
  return lexicalSystem('tfidf', 'TF-IDF', words, (index) => new TfIdf(index).index(index));
}

function lexicalSystem(
  id: string,
  name: string,
  words: CollectionWords,
  make: (index: InvertedIndex) => LexicalRanking,
): RetrievalSystem {
  const { documents, queries } = words.collection;
  const top = new TopDocuments(documents.map((document) => document.id));
  return {
    id,
    words: name,
    async rank(options): Promise<Rankings> {
      const pause = pacer(options.signal, 'Ranking');
      const ranking = make(await words.index(options));
      const rankings = new Map<string, FoundDocument[]>();
      for (const [i, query] of queries.entries()) {
        await pause();
        options.onProgress?.(`Ranking by ${name}`, i / queries.length);
        const scores = ranking.scores(query.text);
        for (let d = 0; d < scores.length; d++) if (!((scores[d] ?? 0) > 0)) scores[d] = -Infinity;
        rankings.set(query.id, top.best(scores, options.depth));
      }
      return rankings;
    },
  };
}
