import { pacer } from '../corpus/pacer.ts';
import { Random } from '../corpus/random.ts';
import type { TermVector, TfIdf } from '../retrieval/tfidf.ts';

export interface ClusterOptions {
  /** k: fewer are made of fewer texts. */
  readonly clusters: number;
  /** No cluster of fewer is left: it joins the one whose centre is nearest. */
  readonly leastSize: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** Rounds after which clusters are taken as they are, where texts still change from one to another. */
const MOST_ROUNDS = 30;

/**
 * Spherical k-means of texts by their TF-IDF vectors (Dhillon & Modha 2001): centres are means scaled to length 1, each text belongs to the
 * one with the highest cosine, the first at equal ones. The first centres are texts drawn by k-means++ (Arthur & Vassilvitskii 2007) on 1 − cosine. Vectors
 * stay sparse: a library's dense ones would be texts × vocabulary.
 * The same for the same texts, options and seed.
 * @returns the cluster of each text, numbered from 0 without gaps.
 * @throws CorpusError `aborted`
 */
export async function clusterTexts(
  texts: readonly string[],
  tfidf: TfIdf,
  { clusters, leastSize, seed, signal, onProgress }: ClusterOptions,
): Promise<number[]> {
  const pause = pacer(signal, 'Finding topics');
  const vectors = texts.map((text) => tfidf.vector(text));
  const random = Random.fromSeed(seed).fork('clusters');
  let centres = await firstCentres(vectors, Math.min(clusters, texts.length), random, pause);
  let found = texts.map(() => -1);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    onProgress?.(round / MOST_ROUNDS);
    const next: number[] = [];
    for (const vector of vectors) {
      await pause();
      next.push(nearest(vector, centres));
    }
    const isSettled = next.every((cluster, i) => cluster === found[i]);
    found = next;
    if (isSettled) break;
    centres = centres.map((centre, k) => mean(vectors.filter((_, i) => found[i] === k)) ?? centre);
  }
  return withoutSmall(found, centres, leastSize);
}

/** Texts drawn one after the other, each with a probability that grows with its distance from those drawn so far. */
async function firstCentres(
  vectors: readonly TermVector[],
  count: number,
  random: Random,
  pause: () => Promise<void>,
): Promise<TermVector[]> {
  const first = vectors[random.integer(vectors.length)];
  const centres = first ? [first] : [];
  const distances = vectors.map(() => 1);
  while (centres.length < count) {
    await pause();
    const last = centres.at(-1);
    if (last) vectors.forEach((vector, i) => (distances[i] = Math.min(distances[i] ?? 1, 1 - cosine(vector, last))));
    const total = distances.reduce((sum, distance) => sum + distance, 0);
    // Where all that is left is a copy of a centre, no further cluster is to be found.
    if (!(total > 1e-9)) break;
    let left = random.uniform() * total;
    const drawn = distances.findIndex((distance) => (left -= distance) < 0);
    const vector = vectors[drawn < 0 ? distances.length - 1 : drawn];
    if (vector) centres.push(vector);
  }
  return centres;
}

/** The centre with the highest cosine; the first of equal ones. */
function nearest(
  vector: TermVector,
  centres: readonly TermVector[],
  isAllowed: (k: number) => boolean = () => true,
): number {
  let best = -1;
  let highest = -Infinity;
  centres.forEach((centre, k) => {
    const near = isAllowed(k) ? cosine(vector, centre) : -Infinity;
    if (near > highest) [best, highest] = [k, near];
  });
  return best;
}

/** Σ over the terms of the smaller, for vectors of length 1. */
function cosine(a: TermVector, b: TermVector): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  let dot = 0;
  for (const [term, weight] of small) dot += weight * (large.get(term) ?? 0);
  return dot;
}

/** The mean of some vectors, scaled to length 1; undefined of none. */
function mean(vectors: readonly TermVector[]): TermVector | undefined {
  if (vectors.length === 0) return undefined;
  const sum = new Map<string, number>();
  for (const vector of vectors) for (const [term, weight] of vector) sum.set(term, (sum.get(term) ?? 0) + weight);
  let square = 0;
  for (const weight of sum.values()) square += weight ** 2;
  const length = Math.sqrt(square) || 1;
  for (const [term, weight] of sum) sum.set(term, weight / length);
  return sum;
}

/** Clusters of at least so many texts, the smallest joining its nearest first; numbered from 0 in order of appearance. */
function withoutSmall(found: readonly number[], centres: readonly TermVector[], leastSize: number): number[] {
  let of = [...found];
  for (;;) {
    const sizes = new Map<number, number>();
    for (const cluster of of) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
    const [smallest, size] = [...sizes].reduce((a, b) => (b[1] < a[1] ? b : a), [-1, Infinity]);
    if (size >= leastSize || sizes.size < 2) break;
    const centre = centres[smallest];
    const target = centre ? nearest(centre, centres, (k) => k !== smallest && sizes.has(k)) : -1;
    of = of.map((cluster) => (cluster === smallest ? target : cluster));
  }
  const numbers = [...new Set(of)];
  return of.map((cluster) => numbers.indexOf(cluster));
}
