import type { Random } from '../random.ts';
import type { Chunk } from '../types.ts';

/** Lexical search over a list of texts (retrieval's Bm25 is one): positions in the list, best first. */
export interface LexicalIndex {
  search(query: string, limit: number): readonly { readonly index: number }[];
}

/** Chunks grouped by what they belong to, in order of appearance. */
export function groupedBy(chunks: readonly Chunk[], labelOf: (chunk: Chunk) => number): Chunk[][] {
  const groups = new Map<number, Chunk[]>();
  for (const chunk of chunks) {
    const label = labelOf(chunk);
    const group = groups.get(label);
    if (group) group.push(chunk);
    else groups.set(label, [chunk]);
  }
  return [...groups.values()];
}

function byDocument(chunks: readonly Chunk[]): Chunk[][] {
  return groupedBy(chunks, ({ document }) => document);
}

function windows<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.floor(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Takes the first group whose document the batch lacks, else simply the first. */
function takeGroup(queue: Chunk[][], batch: readonly Chunk[]): Chunk[] | undefined {
  const present = new Set(batch.map((chunk) => chunk.document));
  const fresh = queue.findIndex((group) => !present.has(group[0]?.document ?? -1));
  return queue.splice(Math.max(0, fresh), 1)[0];
}

/** How many chunks stand in groups of at least two when each document is cut into groups of `groupSize`. */
export function groupedChunks(chunks: readonly Chunk[], groupSize: number): number {
  return byDocument(chunks).reduce((sum, { length }) => sum + length - (length % groupSize === 1 ? 1 : 0), 0);
}

/**
 * One epoch of topic batches: each document's chunks are shuffled and cut into groups of `groupSize`, groups are shuffled
 * and dealt out so that a batch holds different documents as far as they last. A group may be cut at the end of a batch.
 * Chunks left over alone fill up after the last group; the caller takes only as many batches as the groups fill, so they
 * wait for the next epoch's shuffle.
 */
export function* topicBatches(
  chunks: readonly Chunk[],
  batchSize: number,
  groupSize: number,
  random: Random,
): Generator<Chunk[]> {
  const groups: Chunk[][] = [];
  const rest: Chunk[] = [];
  for (const document of byDocument(chunks)) {
    const shuffled = random.shuffle(document);
    const whole = Math.floor(shuffled.length / groupSize) * groupSize;
    groups.push(...windows(shuffled, groupSize));
    const left = shuffled.slice(whole);
    if (left.length > 1) groups.push(left);
    else rest.push(...left);
  }
  const queue = random.shuffle(groups);
  const spare = random.shuffle(rest);
  for (;;) {
    const batch: Chunk[] = [];
    while (batch.length < batchSize) {
      const group = takeGroup(queue, batch) ?? spare.splice(0, 1);
      if (group.length === 0) return;
      const room = batchSize - batch.length;
      batch.push(...group.slice(0, room));
      const left = group.slice(room);
      if (left.length > 1) queue.push(left);
      else spare.push(...left);
    }
    yield batch;
  }
}

/** One epoch of neighbouring chunks: documents in shuffled order, read from a random place on, cut every `batchSize`. */
export function adjacentBatches(chunks: readonly Chunk[], batchSize: number, random: Random): Chunk[][] {
  const sequence = random.shuffle(byDocument(chunks)).flat();
  const start = random.integer(sequence.length);
  return windows([...sequence.slice(start), ...sequence.slice(0, start)], batchSize);
}

/** One epoch in random order. */
export function randomBatches(chunks: readonly Chunk[], batchSize: number, random: Random): Chunk[][] {
  return windows(random.shuffle(chunks), batchSize);
}

/** Batches of an epoch when each is of one cluster. */
export function balancedCount(clusters: readonly (readonly Chunk[])[], batchSize: number): number {
  return clusters.reduce((sum, { length }) => sum + Math.floor(length / batchSize), 0);
}

/**
 * One epoch of batches that are each of one cluster (topic-aware sampling, Hofstätter et al. 2021): the clusters' chunks shuffled and cut,
 * then all batches in shuffled order, so that clusters come in proportion to their size. What is left of a cluster waits for the next epoch's shuffle.
 */
export function balancedBatches(clusters: readonly (readonly Chunk[])[], batchSize: number, random: Random): Chunk[][] {
  return random.shuffle(clusters.flatMap((chunks) => windows(random.shuffle(chunks), batchSize)));
}

/** How many lexical neighbours are looked at before a group is filled with other chunks. */
const NEIGHBOURS = 64;

/**
 * One epoch around lexical neighbours: seeds in shuffled order, each with its groupSize − 1 best neighbours by word counts (BM25) that the
 * batch does not hold yet. A chunk may be neighbour in several batches; it is a seed once an epoch.
 * @param index over the texts of `chunks`, in their order.
 */
export function* bm25Batches(
  chunks: readonly Chunk[],
  batchSize: number,
  groupSize: number,
  index: LexicalIndex,
  random: Random,
): Generator<Chunk[]> {
  const order = random.shuffle(chunks);
  const seedsPerBatch = Math.ceil(batchSize / groupSize);
  for (const seeds of windows(order, seedsPerBatch)) {
    const batch = new Set<Chunk>();
    for (const seed of seeds) {
      const wanted = Math.min(batchSize, batch.size + groupSize);
      batch.add(seed);
      for (const { index: neighbour } of index.search(seed.text, NEIGHBOURS)) {
        if (batch.size >= wanted) break;
        const chunk = chunks[neighbour];
        if (chunk) batch.add(chunk);
      }
    }
    // Seeds may have been neighbours already, or have none: fill up from the shuffled order.
    for (const chunk of order) {
      if (batch.size >= batchSize) break;
      batch.add(chunk);
    }
    yield [...batch];
  }
}
