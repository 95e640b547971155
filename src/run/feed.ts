import { Random } from '../corpus/random.ts';
import type { Batch } from '../corpus/types.ts';
import type { HardNegative, ObjectiveBatch } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import { bm25Matrix } from '../retrieval/bm25.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { BatchFeed } from '../training/trainer.ts';
import type { CorpusSetup } from './corpusSetup.ts';
import type { HardNegatives } from './hardNegatives.ts';
import type { Teacher } from './teaching.ts';

/** A batch as the run's objective takes it, together with the chunks it was made of. */
export interface CorpusBatch extends ObjectiveBatch {
  readonly source: Batch;
  /** Whether training never sees its documents. */
  readonly isHeldOut: boolean;
}

/** Batches of a corpus, prepared for what the configuration trains for. */
export class CorpusFeed implements BatchFeed<CorpusBatch> {
  /** Only where hard negatives may be mined: a step that has something to wait for cannot be recorded ahead. */
  readonly prepare?: (step: number) => Promise<void>;
  #scored: readonly CorpusBatch[] | undefined;

  constructor(
    private readonly corpus: CorpusSetup,
    private readonly configuration: Configuration,
    private readonly teacher?: Teacher,
    private readonly negatives?: HardNegatives,
  ) {
    if (negatives) this.prepare = (step) => negatives.prepare(step);
  }

  batchAt(position: number): CorpusBatch {
    const source = this.corpus.batches.batchAt(position);
    const hard = this.negatives?.of(position, source) ?? [];
    return { ...this.#prepare(source, `train ${position}`, hard), isHeldOut: false };
  }

  /** Where too little text is left to hold some out, the first training batches stand in (the corpus says so in a notice). */
  scored(): readonly CorpusBatch[] {
    if (!this.#scored) {
      const { heldOutBatches: count } = this.configuration;
      const found = this.corpus.batches.heldOutBatches(count);
      const isHeldOut = found.length > 0;
      const batches = isHeldOut ? found : Array.from({ length: count }, (_, i) => this.corpus.batches.batchAt(i));
      this.#scored = batches.map((batch, i) => ({ ...this.#prepare(batch, `held out ${i}`, undefined), isHeldOut }));
    }
    return this.#scored;
  }

  /** `hard`: hard negatives of a training batch; undefined: it is a batch for scores. */
  #prepare(source: Batch, name: string, hard: readonly HardNegative[] | undefined): Omit<CorpusBatch, 'isHeldOut'> {
    const { configuration, corpus, teacher } = this;
    const batch = objectiveOf(configuration).batch(source, {
      configuration,
      retrieverTokenizer: corpus.retrieverTokenizer,
      tokenizer: corpus.tokenizer,
      random: Random.fromSeed(configuration.seed).fork(`control ${name}`),
      lexicalScores: (texts) => bm25Matrix(corpus.terms, texts),
      teacherCosines: teacher && ((chunks) => teacher.cosines(chunks)),
      hardNegatives: hard ?? [],
      isScored: hard === undefined,
    });
    return { ...batch, source };
  }
}
