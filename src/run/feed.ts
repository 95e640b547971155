import { collate } from '../corpus/batches/collation.ts';
import { Random } from '../corpus/random.ts';
import type { Batch } from '../corpus/types.ts';
import { controlAttention } from '../objectives/controls.ts';
import { bm25Matrix } from '../retrieval/bm25.ts';
import type { BatchFeed, TrainingBatch } from '../training/batches.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSetup } from './corpusSetup.ts';

/** A training batch together with the chunks it was made of. */
export interface LabBatch extends TrainingBatch {
  readonly source: Batch;
}

/** Batches of a corpus, collated as the configuration says, with a control in place of the learned attention if asked for. */
export class CorpusFeed implements BatchFeed<LabBatch> {
  #heldOut: readonly LabBatch[] | undefined;

  constructor(
    private readonly corpus: CorpusSetup,
    private readonly configuration: Configuration,
  ) {}

  batchAt(position: number): LabBatch {
    return this.#prepare(this.corpus.batches.batchAt(position), `train ${position}`);
  }

  /** Where too little text is left to hold some out, the first training batches stand in (the corpus says so in a notice). */
  heldOut(): readonly LabBatch[] {
    if (!this.#heldOut) {
      const { heldOutBatches: count } = this.configuration;
      const found = this.corpus.batches.heldOutBatches(count);
      const batches =
        found.length > 0 ? found : Array.from({ length: count }, (_, i) => this.corpus.batches.batchAt(i));
      this.#heldOut = batches.map((batch, i) => this.#prepare(batch, `held out ${i}`));
    }
    return this.#heldOut;
  }

  #prepare(source: Batch, name: string): LabBatch {
    const { chunkTokens, firstHalf, attention, seed } = this.configuration;
    const texts = source.chunks.map(({ text }) => text);
    const tokens = collate(
      texts,
      { maxLength: chunkTokens, firstHalf, firstHalfRatio: 0.5, prefixes: true },
      this.corpus.retrieverTokenizer,
      this.corpus.tokenizer,
    );
    const random = Random.fromSeed(seed).fork(`control ${name}`);
    return {
      source,
      tokens,
      labels: source.labels,
      fixedAttention:
        attention === 'learned'
          ? undefined
          : controlAttention(attention, {
              labels: source.labels,
              random: () => random.uniform(),
              bm25: () => bm25Matrix(this.corpus.terms, texts),
            }),
    };
  }
}
