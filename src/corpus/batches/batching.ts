import {
  adjacentBatches,
  balancedBatches,
  balancedCount,
  bm25Batches,
  groupedBy,
  groupedChunks,
  randomBatches,
  topicBatches,
} from './batchStrategies.ts';
import type { LexicalIndex } from './batchStrategies.ts';
import { CorpusError, requireInteger } from '../errors.ts';
import { Random } from '../random.ts';
import type { Batch, BatchSource, Chunk, Corpus, Notice } from '../types.ts';

/** topics: groups of one document's chunks; adjacent: chunks that follow each other; bm25: lexical neighbours; balanced: one cluster. */
export type BatchStrategy = 'topics' | 'adjacent' | 'bm25' | 'balanced' | 'random';

export interface BatchingOptions {
  /** Chunks per batch, B. */
  batchSize?: number;
  strategy?: BatchStrategy;
  /** Chunks of one document (topics) or of one lexical neighbourhood (bm25) in a batch. */
  groupSize?: number;
  /** Share of the documents that training never sees. */
  heldOutShare?: number;
  seed?: number;
  /** Makes the index that `bm25` asks for neighbours, e.g. `(texts) => new Bm25(texts)`. */
  lexicalIndex?: (texts: readonly string[]) => LexicalIndex;
  /** The cluster of each training chunk (`trainingChunks`), which `balanced` asks for; none of fewer chunks than a batch. */
  clusters?: readonly number[];
}

/** A split with fewer documents than this on either side tells nothing: there must be somebody else to confuse with. */
const MINIMUM_DOCUMENTS = 2;
/** Share of the documents that training never sees, unless another is asked for. */
const HELD_OUT_SHARE = 0.25;

/** Splits by document, the same way for every seed. Documents of one chunk have no partner and are held out last. */
function split(
  chunks: readonly Chunk[],
  labelOf: (chunk: Chunk) => number,
  batchSize: number,
  share: number,
): { training: readonly Chunk[]; heldOut: readonly Chunk[] } {
  const documents = Random.fromSeed(0).fork('held-out documents').shuffle(groupedBy(chunks, labelOf));
  documents.sort((a, b) => Number(b.length > 1) - Number(a.length > 1));
  const wanted = share === 0 ? 0 : Math.max(MINIMUM_DOCUMENTS, Math.round(documents.length * share));
  for (let count = Math.min(wanted, documents.length - MINIMUM_DOCUMENTS); count >= MINIMUM_DOCUMENTS; count--) {
    const heldOut = new Set(documents.slice(0, count).flat());
    const training = chunks.filter((chunk) => !heldOut.has(chunk));
    if (training.length < batchSize) continue;
    return { training, heldOut: chunks.filter((chunk) => heldOut.has(chunk)) };
  }
  return { training: chunks, heldOut: [] };
}

/**
 * What batches are made of. Copies of a document teach nothing that it does not, and are found too easily: they are left out where
 * enough remains without them.
 */
function withoutCopies({ chunks, documents }: Corpus, batchSize: number): readonly Chunk[] {
  const originals = chunks.filter(({ document }) => documents[document]?.copyOf === undefined);
  const count = documents.filter(({ copyOf }) => copyOf === undefined).length;
  return originals.length >= batchSize && count >= MINIMUM_DOCUMENTS ? originals : chunks;
}

/** Copies of a document belong together. */
function labelIn({ documents }: Corpus): (chunk: Chunk) => number {
  return ({ document }) => documents[document]?.copyOf ?? document;
}

/** What batches of this size are trained on, the same chunks in the same order for every strategy and seed. */
export function trainingChunks(corpus: Corpus, batchSize: number): readonly Chunk[] {
  return split(withoutCopies(corpus, batchSize), labelIn(corpus), batchSize, HELD_OUT_SHARE).training;
}

/** Chunks by their cluster. @throws CorpusError `invalid-option` when clusters are not of these chunks, or too small for a batch. */
function clustered(chunks: readonly Chunk[], clusters: readonly number[], batchSize: number): Chunk[][] {
  const of = new Map(chunks.map((chunk, i) => [chunk, clusters[i] ?? -1]));
  const groups = groupedBy(chunks, (chunk) => of.get(chunk) ?? -1);
  if (clusters.length !== chunks.length || groups.some(({ length }) => length < batchSize))
    throw new CorpusError(
      'invalid-option',
      'Balanced batches need a cluster for each training chunk, and as many chunks in each as a batch has. Pass clusters.',
    );
  return groups;
}

/** How many documents are kept out of training on a corpus, with batches of this size. */
export function heldOutDocuments(corpus: Corpus, batchSize: number): number {
  const { heldOut } = split(withoutCopies(corpus, batchSize), labelIn(corpus), batchSize, HELD_OUT_SHARE);
  return new Set(heldOut.map(({ document }) => document)).size;
}

/**
 * Batches of a finite corpus, epoch after epoch, each epoch in another order. Held-out batches are always built by topic,
 * so that every strategy is measured on the same batches.
 */
export class CorpusBatches implements BatchSource {
  readonly batchSize: number;
  readonly notices: readonly Notice[];
  readonly batchesPerEpoch: number;
  /** The label that a chunk has in batches. */
  readonly labelOf: (chunk: Chunk) => number;
  /** What training batches are made of. */
  readonly training: readonly Chunk[];
  /** What held-out batches are made of; empty where the corpus has too few documents. */
  readonly heldOut: readonly Chunk[];
  private readonly strategy: BatchStrategy;
  private readonly groupSize: number;
  private readonly random: Random;
  private readonly index: LexicalIndex;
  private readonly clusters: readonly (readonly Chunk[])[];
  private epoch: { number: number; batches: Chunk[][]; rest: Iterator<Chunk[]> } | undefined;

  /** @throws CorpusError `invalid-option`; `batch-too-large` when the corpus has fewer chunks than a batch. */
  constructor(
    corpus: Corpus,
    {
      batchSize = 8,
      strategy = 'topics',
      groupSize = 2,
      heldOutShare = HELD_OUT_SHARE,
      seed = 0,
      lexicalIndex,
      clusters = [],
    }: BatchingOptions = {},
  ) {
    requireInteger('Batch size', batchSize, 2);
    requireInteger('Group size', groupSize, 2, batchSize);
    if (!(heldOutShare >= 0 && heldOutShare < 1)) {
      throw new CorpusError('invalid-option', `The held-out share is ${heldOutShare}. Choose 0 or more, below 1.`);
    }
    if (strategy === 'bm25' && !lexicalIndex) {
      throw new CorpusError('invalid-option', 'Batches by BM25 need a lexical index. Pass lexicalIndex.');
    }
    if (corpus.chunks.length < batchSize) {
      throw new CorpusError(
        'batch-too-large',
        `A batch of ${batchSize} needs ${batchSize} chunks, and the text makes ${corpus.chunks.length}. ` +
          'Choose a smaller batch, shorter chunks or more text.',
      );
    }
    this.labelOf = labelIn(corpus);
    const { training, heldOut } = split(withoutCopies(corpus, batchSize), this.labelOf, batchSize, heldOutShare);
    this.training = training;
    this.heldOut = heldOut;
    this.notices =
      heldOut.length > 0 || heldOutShare === 0
        ? corpus.notices
        : [
            ...corpus.notices,
            {
              code: 'no-held-out',
              message:
                'The text has too few documents to keep some out of training, so recall is measured on training ' +
                'batches. Add documents, or separate the ones you have.',
            },
          ];
    this.batchSize = batchSize;
    this.strategy = strategy;
    this.groupSize = groupSize;
    this.random = Random.fromSeed(seed).fork(`batches by ${strategy}`);
    this.index =
      strategy === 'bm25' && lexicalIndex ? lexicalIndex(training.map((chunk) => chunk.text)) : { search: () => [] };
    this.clusters = strategy === 'balanced' ? clustered(training, clusters, batchSize) : [];
    this.batchesPerEpoch = this.countBatches();
  }

  batchAt(step: number): Batch {
    requireInteger('Step', step, 0);
    const number = Math.floor(step / this.batchesPerEpoch);
    if (this.epoch?.number !== number) {
      const random = this.random.fork(`epoch ${number}`);
      this.epoch = { number, batches: [], rest: this.epochOf(random)[Symbol.iterator]() };
    }
    const { batches, rest } = this.epoch;
    const position = step % this.batchesPerEpoch;
    while (batches.length <= position) {
      const next = rest.next();
      if (next.done)
        throw new Error(`Epoch ${number} ended after ${batches.length} of ${this.batchesPerEpoch} batches.`);
      batches.push(next.value);
    }
    return this.shuffled(batches[position] ?? [], this.random.fork(`order ${step}`));
  }

  /** Smaller than `batchSize` where less text is held out; none where the corpus has too few documents. */
  heldOutBatches(count: number): Batch[] {
    const size = Math.min(this.batchSize, this.heldOut.length);
    if (size < 2) return [];
    const random = Random.fromSeed(0).fork('held-out batches');
    const batches: Batch[] = [];
    for (let round = 0; batches.length < count; round++) {
      // Further rounds pair the same chunks with other ones.
      const here = random.fork(`round ${round}`);
      for (const chunks of topicBatches(this.heldOut, size, Math.min(this.groupSize, size), here)) {
        if (batches.length < count) batches.push(this.shuffled(chunks, here));
      }
    }
    return batches;
  }

  private countBatches(): number {
    const { training, batchSize, groupSize } = this;
    if (this.strategy === 'bm25') return Math.floor(training.length / Math.ceil(batchSize / groupSize));
    if (this.strategy === 'balanced') return balancedCount(this.clusters, batchSize);
    const usable = this.strategy === 'topics' ? groupedChunks(training, groupSize) : training.length;
    return Math.max(1, Math.floor(usable / batchSize));
  }

  private epochOf(random: Random): Iterable<Chunk[]> {
    const { training, batchSize, groupSize } = this;
    switch (this.strategy) {
      case 'topics':
        return topicBatches(training, batchSize, groupSize, random);
      case 'adjacent':
        return adjacentBatches(training, batchSize, random);
      case 'balanced':
        return balancedBatches(this.clusters, batchSize, random);
      case 'random':
        return randomBatches(training, batchSize, random);
      case 'bm25':
        return bm25Batches(training, batchSize, groupSize, this.index, random);
    }
  }

  private shuffled(chunks: readonly Chunk[], random: Random): Batch {
    const shuffled = random.shuffle(chunks);
    return { chunks: shuffled, labels: shuffled.map(this.labelOf) };
  }
}
