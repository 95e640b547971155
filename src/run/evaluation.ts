import { queryText } from '../corpus/batches/collation.ts';
import type { ObjectiveDefinition } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import { bm25Matrix } from '../retrieval/bm25.ts';
import { combineRecall, recallAt1, rowCredits } from '../retrieval/metrics.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { EvaluationResult } from '../training/trainer.ts';
import type { CorpusSetup } from './corpusSetup.ts';
import type { CorpusBatch } from './feed.ts';
import type { Evaluation } from './record.ts';
import { shareLetter } from './significance.ts';

/** S [B, B] of each batch of an evaluation, as one ranking has them. */
export type Rankings = readonly ArrayLike<number>[];

/** What rankings by words find on the batches of an evaluation: the same whenever it is made, so made once. */
export interface WordRankings {
  readonly tfidf: Rankings;
  readonly bm25: Rankings;
}

/** The batches of an evaluation: what is judged on them. */
export type ScoredBatches = readonly Pick<CorpusBatch, 'source' | 'labels'>[];

/**
 * TF-IDF and BM25 on the batches of an evaluation. Their queries are the text that the retriever's have tokens of, so with
 * `firstHalf` the first half of a chunk; passages are whole chunks; words are as rare as in the whole corpus.
 */
export function wordRankings(batches: ScoredBatches, corpus: CorpusSetup, configuration: Configuration): WordRankings {
  const texts = batches.map(({ source }) => source.chunks.map(({ text }) => text));
  const { chunkTokens: maxLength, firstHalf } = configuration;
  const options = { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true };
  const queries = texts.map((chunks) => chunks.map((text) => queryText(corpus.retrieverTokenizer, text, options)));
  return {
    tfidf: texts.map((chunks, i) => corpus.tfidf.similarityMatrix(chunks, queries[i])),
    bm25: texts.map((chunks, i) => bm25Matrix(corpus.terms, chunks, queries[i])),
  };
}

/**
 * Scores of an evaluation, with what stands beside them. `untrained`: what the retriever found before its first step on these
 * batches; undefined where nobody knows.
 */
export function evaluationRecord(
  { step, batches }: EvaluationResult<CorpusBatch>,
  words: WordRankings,
  untrained: { readonly recall: number | undefined; readonly findings: string } | undefined,
  configuration: Configuration,
): Evaluation {
  const definition: ObjectiveDefinition = objectiveOf(configuration);
  const scored = batches.map(({ batch }) => batch);
  const searched = batches.map((one) => definition.searched(one));
  const { recall, chance } = recallOver(scored, searched);
  return {
    step,
    recallAt1: recall,
    chance,
    tfidfRecallAt1: recallOver(scored, words.tfidf).recall,
    ...definition.scores(batches),
    bm25RecallAt1: recallOver(scored, words.bm25).recall,
    untrainedRecallAt1: untrained?.recall,
    of: scored.every(({ isHeldOut }) => isHeldOut) ? 'heldOut' : 'training',
    findings: {
      retriever: findingsOf(scored, searched),
      ...(untrained && { untrained: untrained.findings }),
      tfidf: findingsOf(scored, words.tfidf),
      bm25: findingsOf(scored, words.bm25),
    },
  };
}

/** Recall over several batches, each row weighing the same. */
export function recallOver(batches: ScoredBatches, rankings: Rankings): ReturnType<typeof combineRecall> {
  return combineRecall(batches.map(({ labels }, i) => recallAt1(rankings[i] ?? [], labels)));
}

/** What a ranking finds, chunk by chunk (`Findings`): the mean over the rows in which a chunk asks. */
export function findingsOf(batches: ScoredBatches, rankings: Rankings): string {
  const byChunk = new Map<number, number[]>();
  for (const [i, { source, labels }] of batches.entries())
    for (const [row, credit] of rowCredits(rankings[i] ?? [], labels).entries()) {
      const chunk = source.chunks[row];
      if (credit === undefined || !chunk) continue;
      const credits = byChunk.get(chunk.index) ?? [];
      byChunk.set(chunk.index, [...credits, credit]);
    }
  return [...byChunk.values()]
    .map((credits) => shareLetter(credits.reduce((sum, credit) => sum + credit, 0) / credits.length))
    .join('');
}
