import { pacer } from '../../corpus/pacer.ts';
import { Random } from '../../corpus/random.ts';
import type { EmbeddingIndex } from '../../retrieval/embeddingIndex.ts';
import type { LabelledCollection } from '../collections/collection.ts';
import type { CollectionVectors } from './dense.ts';
import { foldsOf, NO_LABELS } from './folds.ts';
import {
  chooseStrength,
  trainAdapter,
  USUAL_ADAPTER,
  type AdapterExample,
  type LowRankAdapter,
} from './lowRankAdapter.ts';
import type { RankingOptions, RetrievalSystem } from './system.ts';

/** One in so many of the queries that may be learnt from is kept aside, to choose by how far the adapter is followed. */
const ASIDE = 4;
/** Documents that are found first without being relevant, of each query that is learnt from. */
const OTHERS = 7;

/**
 * Frozen vectors with a low-rank adapter on the queries' side that is learnt from labels: for each of five folds one that has seen the
 * labels of the other four alone, so that no query is measured that was learnt from. Three quarters of those queries teach it, one says
 * how far it is followed. The only system here that needs labels of the collection itself.
 */
export function adapterSystem(id: string, vectors: CollectionVectors, seed: number): RetrievalSystem {
  const { collection } = vectors;
  const foldOf = new Map(foldsOf(collection, seed).flatMap((fold, f) => fold.map((query) => [query, f] as const)));
  return {
    id,
    words: `${vectors.words} with a low-rank adapter learnt on labels of other folds`,
    async rank(options) {
      const adapters = await learn(vectors, seed, options);
      return vectors.rankings(options, (vector, documents, place) => {
        // A query without a relevant document was learnt from in no fold.
        const adapter = adapters[foldOf.get(collection.queries[place]?.id ?? '') ?? 0];
        return vectors.best(documents, adapter ? adapter.apply(vector) : vector, options.depth);
      });
    },
  };
}

/** An adapter for each fold; none where there is nothing to learn from. */
async function learn(
  vectors: CollectionVectors,
  seed: number,
  options: RankingOptions,
): Promise<(LowRankAdapter | undefined)[]> {
  const { collection } = vectors;
  const found = await vectors.vectors(options);
  const examples = await examplesOf(collection, vectors, found, options);
  const folds = foldsOf(collection, seed);
  const adapters: (LowRankAdapter | undefined)[] = [];
  for (const [f, fold] of folds.entries()) {
    const own = new Set(fold);
    const random = Random.fromSeed(seed).fork(`adapter ${f}`);
    const others = random.fork('aside').shuffle([...examples].filter(([query]) => !own.has(query)));
    const learnt = others.flatMap(([, example], i) => (i % ASIDE === 0 ? [] : [example]));
    const unseen = others.flatMap(([, example], i) => (i % ASIDE === 0 ? [example] : []));
    const pause = pacer(options.signal, 'Learning');
    let step = 0;
    const steps = USUAL_ADAPTER.epochs * Math.ceil(learnt.length / USUAL_ADAPTER.batch);
    const told = async (): Promise<void> => {
      options.onProgress?.('Learning from labels of other folds', (f + step++ / steps) / folds.length);
      await pause();
    };
    if (learnt.length === 0) {
      adapters.push(undefined);
      continue;
    }
    const adapter = await trainAdapter(found.documents, learnt, random, told);
    await chooseStrength(adapter, found.documents, unseen, pause);
    adapters.push(adapter);
  }
  return adapters;
}

/** What each query with a relevant document has to teach. */
async function examplesOf(
  collection: LabelledCollection,
  vectors: CollectionVectors,
  { documents, queries }: { readonly documents: EmbeddingIndex; readonly queries: EmbeddingIndex },
  { signal }: RankingOptions,
): Promise<Map<string, AdapterExample>> {
  const pause = pacer(signal, 'Learning');
  const places = new Map(collection.documents.map(({ id }, i) => [id, i]));
  const examples = new Map<string, AdapterExample>();
  for (const [i, { id }] of collection.queries.entries()) {
    await pause();
    const labels = collection.qrels.get(id) ?? NO_LABELS;
    const relevant = [...labels].flatMap(([document, label]) => {
      const place = places.get(document);
      return label >= 1 && place !== undefined ? [place] : [];
    });
    if (relevant.length === 0) continue;
    const vector = queries.vector(i);
    const others = vectors
      .best(documents, vector, OTHERS + relevant.length)
      .map((document) => places.get(document.id) ?? 0)
      .filter((place) => !relevant.includes(place))
      .slice(0, OTHERS);
    examples.set(id, { vector, relevant, others });
  }
  return examples;
}
