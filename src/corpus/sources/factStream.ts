import { CorpusError, requireInteger } from '../errors.ts';
import { ATTRIBUTES, NAMES, TEMPLATES } from './factWords.ts';
import type { Attribute } from './factWords.ts';
import { Random } from '../random.ts';
import type { Batch, BatchSource, Chunk, Notice } from '../types.ts';

export interface FactStreamOptions {
  /** Chunks per batch, B. Must be a multiple of `chunksPerFact`. */
  batchSize?: number;
  /** How often each fact is told in a batch, each time in another template: 2 to 4. */
  chunksPerFact?: number;
  seed?: number;
}

type Fact = Readonly<Record<Attribute, number>> & { readonly name: number };

const ATTRIBUTE_NAMES = Object.keys(ATTRIBUTES) as Attribute[];
const HELD_OUT_NAMES = 16;
/** One in this many attribute combinations is kept for held-out batches. */
const HELD_OUT_COMBINATIONS = 10;

/** Names kept out of training: fixed for all seeds, so that runs with different seeds are measured on the same people. */
export const heldOutNames: ReadonlySet<string> = new Set(
  Random.fromSeed(0).fork('held-out names').shuffle(NAMES).slice(0, HELD_OUT_NAMES),
);

/** Whether an attribute combination belongs to the held-out part: a fixed pseudo-random tenth of the 20⁴. */
function isHeldOutCombination(fact: Readonly<Record<Attribute, number>>): boolean {
  const label = ATTRIBUTE_NAMES.map((attribute) => fact[attribute]).join(',');
  return Random.fromSeed(0).fork(label).integer(HELD_OUT_COMBINATIONS) === 0;
}

function tell(fact: Fact, template: string): string {
  return template.replace(/\{(\w+)\}/g, (_, slot: string) => {
    if (slot === 'name') return NAMES[fact.name] ?? '';
    const attribute = slot as Attribute;
    return ATTRIBUTES[attribute][fact[attribute]] ?? '';
  });
}

/**
 * Endless invented facts: a name and one word from each of four lists of 20, told in different templates of 12 words.
 * Alone a chunk is unpredictable; next to its partner it is a copy in another order. So the gain of the in-batch pass
 * over the isolated one shows exactly whether the right neighbour is read.
 *
 * Training uses 44 names and nine tenths of the attribute combinations, held-out batches the other 16 names and the
 * other tenth: neither the people nor what is said of them was seen. Names within a batch are distinct.
 */
export class FactStream implements BatchSource {
  readonly batchSize: number;
  readonly notices: readonly Notice[] = [];
  private readonly chunksPerFact: number;
  private readonly random: Random;

  /** @throws CorpusError `invalid-option` for sizes that do not fit, `batch-too-large` for more facts than held-out names. */
  constructor({ batchSize = 8, chunksPerFact = 2, seed = 0 }: FactStreamOptions = {}) {
    requireInteger('Chunks per fact', chunksPerFact, 2, TEMPLATES.length);
    requireInteger('Batch size', batchSize, chunksPerFact);
    if (batchSize % chunksPerFact !== 0) {
      throw new CorpusError(
        'invalid-option',
        `A batch of ${batchSize} cannot hold facts of ${chunksPerFact} chunks each. Choose a multiple of ${chunksPerFact}.`,
      );
    }
    if (batchSize / chunksPerFact > HELD_OUT_NAMES) {
      throw new CorpusError(
        'batch-too-large',
        `A batch of ${batchSize} needs ${batchSize / chunksPerFact} different people, but only ${HELD_OUT_NAMES} are kept ` +
          `for held-out batches. Choose a batch of at most ${HELD_OUT_NAMES * chunksPerFact}.`,
      );
    }
    this.batchSize = batchSize;
    this.chunksPerFact = chunksPerFact;
    this.random = Random.fromSeed(seed).fork('fact stream');
  }

  batchAt(step: number): Batch {
    requireInteger('Step', step, 0);
    return this.build(this.random.fork(`train ${step}`), false, step).batch;
  }

  /**
   * The facts of a training batch, each told once more, in a sentence that the batch does not tell it in: to search with, since the
   * answer is known and is no copy. None where a fact is told in all sentences there are.
   */
  retold(step: number): string[] {
    return this.build(this.random.fork(`train ${step}`), false, step).retold;
  }

  heldOutBatches(count: number): Batch[] {
    // Independent of the run's seed, so that figures of different seeds are comparable.
    const random = Random.fromSeed(0).fork('held-out facts');
    return Array.from({ length: count }, (_, i) => this.build(random.fork(`batch ${i}`), true, i).batch);
  }

  /**
   * Held-out facts, each told in two sentences, for a labelled collection: the same for every seed, and drawn apart from those of
   * held-out batches.
   */
  static labelled(count: number): (readonly [asked: string, answer: string])[] {
    const stream = new FactStream({ batchSize: 2, chunksPerFact: 2 });
    const random = Random.fromSeed(0).fork('labelled facts');
    const pairs = new Map<string, readonly [string, string]>();
    for (let i = 0; pairs.size < count; i++) {
      const [asked, answer] = stream.build(random.fork(`fact ${i}`), true, i).batch.chunks.map(({ text }) => text);
      if (asked !== undefined && answer !== undefined) pairs.set(asked, [asked, answer]);
    }
    return [...pairs.values()];
  }

  private build(random: Random, heldOut: boolean, ordinal: number): { batch: Batch; retold: string[] } {
    const factCount = this.batchSize / this.chunksPerFact;
    const names = random
      .shuffle(NAMES.map((name, i) => ({ name, i })).filter(({ name }) => heldOutNames.has(name) === heldOut))
      .slice(0, factCount);
    const retold: string[] = [];
    const told = names.flatMap(({ name, i }, factIndex) => {
      const fact = this.drawFact(random, heldOut, i);
      const shuffled = random.shuffle(TEMPLATES);
      const templates = shuffled.slice(0, this.chunksPerFact);
      retold.push(
        ...shuffled.slice(this.chunksPerFact, this.chunksPerFact + 1).map((template) => tell(fact, template)),
      );
      return templates.map((template) => ({
        text: tell(fact, template),
        document: factIndex,
        documentTitle: name,
        wording: TEMPLATES.indexOf(template),
      }));
    });
    const chunks: Chunk[] = random.shuffle(told).map((chunk, i) => ({ ...chunk, index: ordinal * this.batchSize + i }));
    return { batch: { chunks, labels: chunks.map((chunk) => chunk.document) }, retold };
  }

  private drawFact(random: Random, heldOut: boolean, name: number): Fact {
    for (;;) {
      const fact = {
        name,
        trait: random.integer(ATTRIBUTES.trait.length),
        job: random.integer(ATTRIBUTES.job.length),
        city: random.integer(ATTRIBUTES.city.length),
        pet: random.integer(ATTRIBUTES.pet.length),
      };
      if (isHeldOutCombination(fact) === heldOut) return fact;
    }
  }
}
