import { batchSimilarity } from '../objectives/batchSimilarity.ts';
import type { ObjectiveDefinition } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import {
  evaluationRecord,
  findingsOf,
  recallOver,
  wordRankings,
  type Rankings,
  type WordRankings,
} from './evaluation.ts';
import type { CorpusBatch } from './feed.ts';
import type { OpenRun } from './openRun.ts';
import { scoreOf, type Evaluation } from './record.ts';

/** What the retriever found before its first step. */
interface Untrained {
  readonly recall: number | undefined;
  readonly findings: string;
}

/** Scores a run between two steps, beside what it has to be compared with on the same batches. Changes nothing in it. */
export class Evaluator {
  #words: WordRankings | undefined;
  #untrained: Untrained | undefined;

  /** `before`: the evaluation that the run had last, by another evaluator perhaps. */
  constructor(
    private readonly run: OpenRun,
    private readonly before: Evaluation | undefined,
  ) {}

  /** @throws the GPU's errors. */
  async evaluate(): Promise<Evaluation> {
    const { experiment, prepared } = this.run;
    const { configuration } = prepared.recipe;
    const seen = await experiment.trainer.evaluate();
    const scored = seen.batches.map(({ batch }) => batch);
    this.#words ??= wordRankings(scored, prepared.corpus, configuration);
    const isUntrained = seen.step === 0 && !experiment.beganWithAdapters;
    if (isUntrained) {
      const definition: ObjectiveDefinition = objectiveOf(configuration);
      this.#untrained = found(
        scored,
        seen.batches.map((one) => definition.searched(one)),
      );
    } else this.#untrained ??= this.#remembered(scored) ?? (await this.#measured(scored));
    return evaluationRecord(seen, this.#words, this.#untrained, configuration);
  }

  /** What the evaluation before says of the untrained retriever, if that was on these batches: then words found the same. */
  #remembered(scored: readonly CorpusBatch[]): Untrained | undefined {
    const { before } = this;
    const { findings } = before ?? {};
    if (!this.#words || findings?.untrained === undefined) return undefined;
    const isSame =
      findings.tfidf === findingsOf(scored, this.#words.tfidf) &&
      findings.bm25 === findingsOf(scored, this.#words.bm25);
    return isSame ? { recall: scoreOf(before, 'untrainedRecallAt1'), findings: findings.untrained } : undefined;
  }

  /**
   * The untrained retriever, made once more for a run that goes on without knowing. One that is trained whole on a checkpoint is
   * left out: it would have to be loaded a second time, into memory that nobody planned for.
   */
  async #measured(scored: readonly CorpusBatch[]): Promise<Untrained | undefined> {
    const { runtime, experiment, prepared } = this.run;
    const { configuration } = prepared.recipe;
    if (configuration.base === 'checkpoint' && configuration.trained === 'full') return undefined;
    const definition: ObjectiveDefinition = objectiveOf(configuration);
    const untrained = await experiment.models.untrainedRetriever();
    try {
      const rankings: Float32Array[] = [];
      for (const batch of scored) {
        const options = { ...configuration, centre: experiment.models.centre };
        rankings.push(
          await runtime.compute(
            () => batchSimilarity(runtime, untrained.decoder, definition.searchRows(batch), options).similarity,
          ),
        );
      }
      return found(scored, rankings);
    } finally {
      untrained.destroy();
    }
  }
}

function found(scored: readonly CorpusBatch[], rankings: Rankings): Untrained {
  return { recall: recallOver(scored, rankings).recall, findings: findingsOf(scored, rankings) };
}
