import { pacer } from '../../corpus/pacer.ts';
import type { FoundDocument, Rankings } from '../types.ts';
import type { RankingOptions, RetrievalSystem } from './system.ts';
import { TopDocuments } from './topDocuments.ts';

/** Lists of several systems for one query. */
export type Lists = readonly (readonly FoundDocument[])[];

/** Cormack et al. 2009: a document's score is Σ 1 / (60 + rank) over the lists that it is in. */
const RANKS_BEFORE = 60;

/** Reciprocal rank fusion: the lists of several systems made one by the places that documents have in them. */
export function rankFusion(id: string, systems: readonly RetrievalSystem[]): RetrievalSystem {
  return {
    id,
    words: `reciprocal rank fusion of ${systems.map((system) => system.id).join(' and ')}`,
    async rank(options) {
      const pause = pacer(options.signal, 'Ranking');
      const rankings = await rankAll(systems, options);
      const fused = new Map<string, FoundDocument[]>();
      for (const query of queriesOf(rankings)) {
        await pause();
        const scores = new Map<string, number>();
        for (const list of listsOf(rankings, query))
          for (const [i, document] of list.entries())
            scores.set(document.id, (scores.get(document.id) ?? 0) + 1 / (RANKS_BEFORE + i + 1));
        fused.set(query, new TopDocuments([...scores.keys()]).best([...scores.values()], options.depth));
      }
      return fused;
    },
  };
}

/** Rankings of several systems, made one after the other. */
export async function rankAll(systems: readonly RetrievalSystem[], options: RankingOptions): Promise<Rankings[]> {
  const rankings: Rankings[] = [];
  for (const system of systems) rankings.push(await system.rank(options));
  return rankings;
}

/** All queries that any of them has. */
export function queriesOf(rankings: readonly Rankings[]): Set<string> {
  return new Set(rankings.flatMap((one) => [...one.keys()]));
}

export function listsOf(rankings: readonly Rankings[], query: string): Lists {
  return rankings.map((one) => one.get(query) ?? []);
}
