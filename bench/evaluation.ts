import { Random } from '../src/corpus/random.ts';
import { readCollection } from '../src/evaluation/collections/beir.ts';
import { filesInMemory } from '../src/evaluation/collections/collectionFiles.ts';
import { MOST_DOCUMENTS } from '../src/evaluation/collections/collection.ts';
import { compareSystems, type ScoredSystem } from '../src/evaluation/comparison.ts';
import { measure, USUAL_MEASURES } from '../src/evaluation/measures/measures.ts';
import { scoresOf } from '../src/evaluation/measures/scores.ts';
import { bootstrapInterval } from '../src/evaluation/significance/bootstrap.ts';
import { CollectionVectors, denseSystem } from '../src/evaluation/systems/dense.ts';
import { rankFusion } from '../src/evaluation/systems/fusion.ts';
import { interpolation } from '../src/evaluation/systems/interpolation.ts';
import { bm25System, CollectionWords, tfIdfSystem } from '../src/evaluation/systems/lexical.ts';
import { remembered, USUAL_DEPTH } from '../src/evaluation/systems/system.ts';
import { madeCollection, QUERIES } from './madeCollection.ts';
import { formatTable, type Row } from './table.ts';

const COLUMNS = [
  { key: 'name', title: 'what' },
  { key: 'seconds', title: 'processor, s' },
  { key: 'longest', title: 'longest between two turns, processor, ms' },
  { key: 'heap', title: 'memory in use, MB' },
];

/** As wide as all-MiniLM-L6-v2. */
const WIDTH = 384;

/**
 * Seconds of processor time and memory that a collection of the largest size takes: `npm run bench:evaluation`. Its documents are made of
 * the words of the built-in essays; vectors are random, since embedding is the model's business.
 */
export async function main(): Promise<number> {
  const files = filesInMemory('made up', await madeCollection());
  const rows: Row[] = [];
  const timed = async <T>(name: string, work: () => Promise<T> | T): Promise<T> => {
    const watch = new Watch();
    const result = await work();
    rows.push({ name, ...watch.stop() });
    return result;
  };
  const collection = await timed(`read ${MOST_DOCUMENTS} documents, ${QUERIES} queries`, () => readCollection(files));
  const words = new CollectionWords(collection);
  const vectors = new CollectionVectors(collection, { dimensions: WIDTH, embed: randomVectors }, 'random vectors');
  const options = { depth: USUAL_DEPTH };
  await timed('count words', () => words.index(options));
  await timed('make vectors', () => vectors.vectors(options));
  const primary = measure('ndcg@10');
  const bm25 = remembered(bm25System(words));
  const dense = remembered(denseSystem('dense', vectors));
  const systems = [
    bm25,
    tfIdfSystem(words),
    dense,
    rankFusion('rrf', [bm25, dense]),
    interpolation('hybrid', { collection, sparse: bm25, dense, measure: primary }),
  ];
  const scored: ScoredSystem[] = [];
  for (const system of systems) {
    const rankings = await timed(`rank by ${system.id}`, () => system.rank(options));
    const scores = await timed(`measure ${system.id}`, () =>
      scoresOf(rankings, collection.qrels, USUAL_MEASURES.map(measure)),
    );
    scored.push({ id: system.id, scores });
  }
  const [first, ...others] = scored;
  if (first) {
    await timed('compare', () => compareSystems(first, others, 'ndcg@10'));
    await timed('intervals', () => scored.map(({ scores }) => bootstrapInterval(scores.perQuery.get('ndcg@10') ?? [])));
  }
  process.stdout.write(`${formatTable(COLUMNS, rows)}\n`);
  return 0;
}

/** Processor time, the most of it in which nothing else had its turn, and what is in memory at the end. */
class Watch {
  readonly #before = process.cpuUsage();
  readonly #timer: NodeJS.Timeout;
  #last = 0;
  #longest = 0;

  constructor() {
    this.#timer = setInterval(() => this.#see(), 1);
  }

  stop(): { seconds: number; longest: number; heap: number } {
    this.#see();
    clearInterval(this.#timer);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return { seconds: this.#seconds(), longest: 1000 * this.#longest, heap: (heapUsed + arrayBuffers) / 1e6 };
  }

  #seconds(): number {
    const { user, system } = process.cpuUsage(this.#before);
    return (user + system) / 1e6;
  }

  #see(): void {
    const now = this.#seconds();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}

/** Rows of length 1. */
function randomVectors(_role: 'query' | 'passage', texts: readonly string[]): Promise<Float32Array> {
  const random = Random.fromSeed(texts.length);
  const vectors = Float32Array.from({ length: texts.length * WIDTH }, () => random.uniform() - 0.5);
  for (let row = 0; row < texts.length; row++) {
    const vector = vectors.subarray(row * WIDTH, (row + 1) * WIDTH);
    const length = Math.hypot(...vector);
    vector.forEach((value, d) => (vector[d] = value / length));
  }
  return Promise.resolve(vectors);
}
