import { pacer } from '../../../corpus/pacer.ts';
import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import {
  compareTwo,
  corrected,
  type SystemComparison,
  type UncorrectedComparison,
} from '../../../evaluation/comparison.ts';
import { CollectionError } from '../../../evaluation/errors.ts';
import { USUAL_MEASURES } from '../../../evaluation/measures/measures.ts';
import type { EvaluatedSystem } from '../../../evaluation/report.ts';
import { CollectionWords } from '../../../evaluation/systems/lexical.ts';
import type { PackedRankings } from '../../../evaluation/systems/packedRankings.ts';
import { remembered, type RetrievalSystem } from '../../../evaluation/systems/system.ts';
import { CollectionScorer, CURVE_MEASURES } from '../../../run/collectionScores.ts';
import type { CollectionMeans } from '../../../run/record.ts';
import type { CollectionSource, CollectionView } from '../../door/evaluationViews.ts';
import { Embeddings } from './denseVectors.ts';

/** A system that was measured, with its lists. */
export interface Measured extends EvaluatedSystem {
  readonly rankings: PackedRankings;
  readonly intervals: Readonly<Record<string, readonly [number, number] | undefined>>;
  readonly step: number | undefined;
  readonly notices: readonly string[];
  /** Whether curves of runs show it beside them. */
  readonly isYardstick: boolean;
}

/** Of resamples, sign flips and folds, as on the command line. */
export const SEED = 0;
/** More systems than this are too many to be read, and to be held. */
const MOST_SYSTEMS = 24;

/** The collection that is open, and all systems that were measured on it. */
export class OpenCollection {
  readonly view: CollectionView;
  readonly words: CollectionWords;
  readonly embeddings: Embeddings;
  readonly scorer: CollectionScorer;
  readonly systems = new Map<string, Measured>();
  /** Rankings that others are made of. */
  readonly #remembered = new Map<string, RetrievalSystem>();
  readonly #compared = new Map<string, UncorrectedComparison>();

  constructor(
    readonly collection: LabelledCollection,
    source: CollectionSource,
  ) {
    this.view = viewOf(source, collection);
    this.words = new CollectionWords(collection);
    this.embeddings = new Embeddings(collection);
    this.scorer = new CollectionScorer(collection, { beside: () => this.#yardsticks() });
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

  /** Means of what stands beside the curves of runs. */
  #yardsticks(): Record<string, CollectionMeans> {
    const shown = [...this.systems.values()].filter(({ isYardstick }) => isYardstick);
    return Object.fromEntries(
      shown.map(({ id, scores }) => [
        id,
        Object.fromEntries(CURVE_MEASURES.map((name) => [name, scores.means.get(name) ?? 0])),
      ]),
    );
  }

  /** @throws CollectionError for a system that is not in the table. */
  system(id: string): Measured {
    const found = this.systems.get(id);
    if (found) return found;
    throw new CollectionError(`${id} is not in the table any more.`);
  }

  /** The one that is asked for; else the first, as long as there is any. */
  reference(id: string | undefined): Measured | undefined {
    return (id === undefined ? undefined : this.systems.get(id)) ?? this.systems.values().next().value;
  }

  /** @throws CollectionError where the table holds no more. */
  requireRoom(id: string): void {
    if (this.systems.has(id) || this.systems.size < MOST_SYSTEMS) return;
    throw new CollectionError(`The table holds ${MOST_SYSTEMS} systems. Take one off it first.`);
  }
}

/** @throws CollectionError for a measure that systems are not measured by. */
export function measureOf(name: string | undefined): string {
  const found = USUAL_MEASURES.find((one) => one === (name ?? USUAL_MEASURES[0]));
  if (found !== undefined) return found;
  throw new CollectionError(`Systems are not measured by ${name}. There are ${USUAL_MEASURES.join(', ')}.`);
}

function viewOf(source: CollectionSource, { title, documents, queries, notices }: LabelledCollection): CollectionView {
  const id = source.from === 'builtIn' ? source.id : undefined;
  return { title, from: source.from, id, documents: documents.length, queries: queries.length, notices };
}
