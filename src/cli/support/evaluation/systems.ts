import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import type { Measure } from '../../../evaluation/measures/measures.ts';
import { COMBINED, type Combination } from '../../../evaluation/systems/combined.ts';
import { CollectionVectors, denseSystem } from '../../../evaluation/systems/dense.ts';
import { bm25System, CollectionWords, tfIdfSystem } from '../../../evaluation/systems/lexical.ts';
import { remembered, type RetrievalSystem } from '../../../evaluation/systems/system.ts';
import type { Bm25Options } from '../../../retrieval/bm25.ts';
import type { Embedder } from '../../../retrieval/embedder.ts';
import { UsageError } from '../usage.ts';

/** What makes vectors, by the names that its systems have; the first that is there is taken where nobody says which. */
export const DENSE = ['trained', 'untrained', 'encoder'] as const;
export type DenseName = (typeof DENSE)[number];

/** What the systems of --systems are made of. */
export interface SystemParts {
  readonly collection: LabelledCollection;
  readonly bm25: Bm25Options;
  /** By what weights are chosen. */
  readonly measure: Measure;
  readonly seed: number;
  /** With what each is called in tables: "SmolLM2-135M with its adapter". */
  readonly embedders: Readonly<Partial<Record<DenseName, { readonly embedder: Embedder; readonly words: string }>>>;
  /** Which of them the systems take that stand on one. */
  readonly dense: DenseName | undefined;
}

interface SystemDefinition {
  readonly words: string;
  /** 'itself': what makes its vectors. 'dense': any that makes vectors. */
  readonly needs: 'words' | 'itself' | 'dense';
  readonly make: (systems: Systems) => RetrievalSystem;
}

/** The systems that can be asked for, by the names of --systems. */
export const SYSTEMS: Readonly<Record<string, SystemDefinition>> = {
  bm25: { words: 'BM25', needs: 'words', make: ({ parts, words }) => bm25System(words, parts.bm25) },
  tfidf: { words: 'TF-IDF', needs: 'words', make: ({ words }) => tfIdfSystem(words) },
  untrained: {
    words: 'the checkpoint of --model alone; one that was exported whole has learnt already',
    needs: 'itself',
    make: (systems) => denseSystem('untrained', systems.vectors('untrained')),
  },
  trained: {
    words: 'with the adapter of --adapters',
    needs: 'itself',
    make: (systems) => denseSystem('trained', systems.vectors('trained')),
  },
  encoder: {
    words: 'the pretrained encoder of --encoder',
    needs: 'itself',
    make: (systems) => denseSystem('encoder', systems.vectors('encoder')),
  },
  ...Object.fromEntries(Object.keys(COMBINED).map((name) => [name, combined(name as Combination)])),
};

/** A system that stands on what makes vectors, and on BM25. */
function combined(name: Combination): SystemDefinition {
  const { words, make } = COMBINED[name];
  return {
    words,
    needs: 'dense',
    make: (systems) => {
      const { collection, measure, seed, dense } = systems.parts;
      if (dense === undefined) throw new Error('Nothing makes vectors: this is a bug.');
      const [sparse, vectors] = [systems.get('bm25'), systems.vectors(dense)];
      return make(name, { collection, measure, seed, sparse, dense: systems.get(dense), vectors });
    },
  };
}

/** Systems over one collection; what several of them need is made once. */
export class Systems {
  readonly words: CollectionWords;
  readonly #made = new Map<string, RetrievalSystem>();
  readonly #vectors = new Map<DenseName, CollectionVectors>();

  constructor(readonly parts: SystemParts) {
    this.words = new CollectionWords(parts.collection);
  }

  get(name: string): RetrievalSystem {
    const known = this.#made.get(name);
    if (known) return known;
    const made = remembered(definitionOf(name).make(this));
    this.#made.set(name, made);
    return made;
  }

  vectors(name: DenseName): CollectionVectors {
    const { embedders, collection } = this.parts;
    const known = this.#vectors.get(name);
    if (known) return known;
    const named = embedders[name];
    if (!named) throw new Error(`Nothing makes the vectors of ${name}: this is a bug.`);
    const made = new CollectionVectors(collection, named.embedder, named.words);
    this.#vectors.set(name, made);
    return made;
  }
}

/** What was given that systems need. */
interface Given {
  readonly model?: string | undefined;
  readonly adapters?: string | undefined;
  readonly encoder?: string | undefined;
  readonly dense?: string | undefined;
}

const FLAGS = { model: '--model PATH', adapters: '--adapters PATH', encoder: '--encoder DIR' } as const;

/** What each that makes vectors needs. */
const NEEDED = {
  untrained: ['model'],
  trained: ['model', 'adapters'],
  encoder: ['encoder'],
} as const satisfies Record<DenseName, readonly (keyof typeof FLAGS)[]>;

/**
 * Names of --systems, and which of those that make vectors the others stand on.
 * @throws UsageError for one that there is not, stands twice or lacks what it needs.
 */
export function systemNames(
  text: string | undefined,
  given: Given,
): { readonly names: readonly string[]; readonly dense: DenseName | undefined } {
  const there = (name: DenseName): boolean => NEEDED[name].every((flag) => given[flag] !== undefined);
  const usual = ['bm25', 'tfidf', ...(['untrained', 'trained', 'encoder'] as const).filter(there)];
  const names = text === undefined ? usual : text.split(',').map((name) => name.trim());
  for (const [i, name] of names.entries()) {
    const { needs } = definitionOf(name);
    if (names.indexOf(name) !== i) throw new UsageError(`--systems names ${name} twice.`);
    const lacking = DENSE.find((one) => one === name && !there(one));
    const flag = lacking && NEEDED[lacking].find((one) => given[one] === undefined);
    if (flag) throw new UsageError(`The system ${name} needs ${FLAGS[flag]}.`);
    if (needs === 'dense' && !DENSE.some(there))
      throw new UsageError(`The system ${name} needs ${FLAGS.model} or ${FLAGS.encoder}.`);
  }
  const dense = DENSE.find((name) => there(name) && (given.dense ?? name) === name);
  if (given.dense === undefined || dense !== undefined) return { names, dense };
  throw new UsageError(
    `--dense takes ${DENSE.join(', ')}, where what it needs is given (${Object.values(FLAGS).join(', ')}), not ${given.dense || 'nothing'}.`,
  );
}

function definitionOf(name: string): SystemDefinition {
  const found = Object.hasOwn(SYSTEMS, name) ? SYSTEMS[name] : undefined;
  if (found) return found;
  throw new UsageError(`There is no system ${name || '“”'}. There are ${Object.keys(SYSTEMS).join(', ')}.`);
}

/** Which of those that make vectors these systems need. */
export function neededDense(names: readonly string[], dense: DenseName | undefined): DenseName[] {
  const isNeeded = (name: DenseName): boolean =>
    names.includes(name) || (name === dense && names.some((one) => definitionOf(one).needs === 'dense'));
  return DENSE.filter(isNeeded);
}
