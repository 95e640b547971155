import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import type { Measure } from '../../../evaluation/measures/measures.ts';
import { COMBINED, type Combination } from '../../../evaluation/systems/combined.ts';
import { CollectionVectors, denseSystem } from '../../../evaluation/systems/dense.ts';
import { bm25System, CollectionWords, tfIdfSystem } from '../../../evaluation/systems/lexical.ts';
import { remembered, type RetrievalSystem } from '../../../evaluation/systems/system.ts';
import type { Bm25Options } from '../../../retrieval/bm25.ts';
import type { CommandRetriever } from '../retriever.ts';
import { UsageError } from '../usage.ts';

/** What the systems of --systems are made of. */
export interface SystemParts {
  readonly collection: LabelledCollection;
  readonly bm25: Bm25Options;
  /** By what weights are chosen. */
  readonly measure: Measure;
  readonly seed: number;
  readonly retriever: CommandRetriever | undefined;
  /** "SmolLM2-135M". */
  readonly model: string;
  readonly isTrained: boolean;
}

interface SystemDefinition {
  readonly words: string;
  readonly needs: 'words' | 'model' | 'adapters';
  readonly make: (systems: Systems) => RetrievalSystem;
}

/** The systems that can be asked for, by the names of --systems. */
export const SYSTEMS: Readonly<Record<string, SystemDefinition>> = {
  bm25: { words: 'BM25', needs: 'words', make: ({ parts, words }) => bm25System(words, parts.bm25) },
  tfidf: { words: 'TF-IDF', needs: 'words', make: ({ words }) => tfIdfSystem(words) },
  untrained: {
    words: 'the checkpoint of --model alone; one that was exported whole has learnt already',
    needs: 'model',
    make: (systems) => denseSystem('untrained', systems.vectors(false)),
  },
  trained: {
    words: 'with the adapter of --adapters',
    needs: 'adapters',
    make: (systems) => denseSystem('trained', systems.vectors(true)),
  },
  ...Object.fromEntries(Object.keys(COMBINED).map((name) => [name, combined(name as Combination)])),
};

/** A system that stands on the retriever, and BM25. */
function combined(name: Combination): SystemDefinition {
  const { words, make } = COMBINED[name];
  return {
    words,
    needs: 'model',
    make: (systems) => {
      const { collection, measure, seed, isTrained } = systems.parts;
      const vectors = systems.vectors(isTrained);
      return make(name, { collection, measure, seed, sparse: systems.get('bm25'), dense: systems.best(), vectors });
    },
  };
}

/** Systems over one collection; what several of them need is made once. */
export class Systems {
  readonly words: CollectionWords;
  readonly #made = new Map<string, RetrievalSystem>();
  readonly #vectors = new Map<boolean, CollectionVectors>();

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

  /** The retriever that fusions take: the trained one where there is one. */
  best(): RetrievalSystem {
    return this.get(this.parts.isTrained ? 'trained' : 'untrained');
  }

  vectors(isTrained: boolean): CollectionVectors {
    const { retriever, collection, model } = this.parts;
    if (!retriever) throw new Error('There is no retriever: this is a bug.');
    const known = this.#vectors.get(isTrained);
    if (known) return known;
    const embed = isTrained ? retriever.embed : retriever.embedUntrained;
    const words = isTrained ? `${model} with its adapter` : model;
    const made = new CollectionVectors(collection, { dimensions: retriever.width, embed }, words);
    this.#vectors.set(isTrained, made);
    return made;
  }
}

/** Names of --systems. @throws UsageError for one that there is not, stands twice or lacks what it needs. */
export function systemNames(
  text: string | undefined,
  { model, adapters }: { readonly model?: string | undefined; readonly adapters?: string | undefined },
): string[] {
  const usual = [
    'bm25',
    'tfidf',
    ...(model === undefined ? [] : ['untrained']),
    ...(adapters === undefined ? [] : ['trained']),
  ];
  const names = text === undefined ? usual : text.split(',').map((name) => name.trim());
  for (const [i, name] of names.entries()) {
    const { needs } = definitionOf(name);
    if (names.indexOf(name) !== i) throw new UsageError(`--systems names ${name} twice.`);
    if (needs !== 'words' && model === undefined) throw new UsageError(`The system ${name} needs --model PATH.`);
    if (needs === 'adapters' && adapters === undefined)
      throw new UsageError(`The system ${name} needs --adapters PATH.`);
  }
  return names;
}

function definitionOf(name: string): SystemDefinition {
  const found = Object.hasOwn(SYSTEMS, name) ? SYSTEMS[name] : undefined;
  if (found) return found;
  throw new UsageError(`There is no system ${name || '“”'}. There are ${Object.keys(SYSTEMS).join(', ')}.`);
}

export function needsModel(names: readonly string[]): boolean {
  return names.some((name) => definitionOf(name).needs !== 'words');
}
