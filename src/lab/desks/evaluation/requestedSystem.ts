import { measure, USUAL_MEASURES } from '../../../evaluation/measures/measures.ts';
import { COMBINED } from '../../../evaluation/systems/combined.ts';
import { bm25System, tfIdfSystem, USUAL_BM25 } from '../../../evaluation/systems/lexical.ts';
import type { RetrievalSystem } from '../../../evaluation/systems/system.ts';
import type { Bm25View, DenseName, SystemRequest } from '../../door/evaluationViews.ts';
import type { DenseVectors } from './denseVectors.ts';
import { SEED, type OpenCollection } from './openCollection.ts';

/** What has an id, and is to be ranked with. */
export interface Ready {
  readonly system: RetrievalSystem;
  readonly step?: number | undefined;
  /** Time that was spent on it so far, ms. */
  readonly took?: number;
  readonly notices?: readonly string[];
  /** Whether curves of runs show it beside them. */
  readonly isYardstick?: boolean;
}

/** Embeds the collection that is open. */
type Dense = (name: DenseName) => Promise<DenseVectors>;

/** The system that a request names, ready to rank: what needs vectors is embedded by then. */
export async function requestedSystem(wanted: SystemRequest, open: OpenCollection, dense: Dense): Promise<Ready> {
  switch (wanted.name) {
    case 'bm25':
      return { system: sparse(open, wanted) };
    case 'tfidf':
      return { system: open.kept('tfidf', () => tfIdfSystem(open.words)) };
    case 'run':
    case 'untrained':
      return dense(wanted.name);
    case 'encoder':
      return { ...(await dense(wanted.name)), isYardstick: true };
    default: {
      const embedded = await dense(wanted.of);
      const { collection } = open;
      const first = sparse(open, wanted);
      const usesWords = wanted.name === 'hybrid' || wanted.name === 'rrf';
      const id = `${wanted.name}-${embedded.system.id}${usesWords ? first.id.slice('bm25'.length) : ''}`;
      const system = COMBINED[wanted.name].make(id, {
        collection,
        sparse: first,
        dense: embedded.system,
        vectors: embedded.vectors,
        measure: measure(USUAL_MEASURES[0]),
        seed: SEED,
      });
      return { ...embedded, system };
    }
  }
}

function sparse(open: OpenCollection, { k1, b }: Bm25View): RetrievalSystem {
  const isUsual = k1 === USUAL_BM25.k1 && b === USUAL_BM25.b;
  const id = isUsual ? 'bm25' : `bm25-k1-${k1}-b-${b}`;
  return open.kept(id, () => ({ ...bm25System(open.words, { k1, b }), id }));
}
