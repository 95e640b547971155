import { combineRecall, effectiveDocuments, recallAt1 } from '../retrieval/metrics.ts';
import { LANGUAGE_MODEL, RETRIEVER } from '../training/parameterGroups.ts';
import type { BatchResult } from '../training/results.ts';
import type { EvaluationResult, StepResult } from '../training/trainer.ts';
import { chunkView, type CorpusSetup } from './corpusSetup.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { LabBatch } from './feed.ts';
import type { BatchView, Evaluation, MemoryView, StepRecord } from './record.ts';

/** Turns the trainer's numbers into what the page shows. */
export function stepRecord(
  result: StepResult<LabBatch>,
  corpus: CorpusSetup,
  configuration: Configuration,
): StepRecord {
  const { batch, ntpLoss, isolatedLoss } = result;
  const recall = recallAt1(result.similarity, batch.labels);
  return {
    metrics: {
      step: result.step,
      loss: configuration.dualLoss ? ntpLoss + isolatedLoss : ntpLoss,
      ntpLoss,
      isolatedLoss,
      recallAt1: recall.recall,
      chance: recall.chance,
      effectiveDocuments: meanDocuments(result, batch.labels.length),
      gradientNorm: result.gradientNorm,
      retrieverGradientNorm: result.gradientNorms.get(RETRIEVER) ?? 0,
      languageModelGradientNorm: result.gradientNorms.get(LANGUAGE_MODEL) ?? 0,
      learningRate: result.learningRate,
      stepMs: result.stepMs,
      tokensPerSecond: (1000 * result.tokens) / result.stepMs,
      memory: memoryView(result),
    },
    batch: batchView(batch, corpus, configuration),
    similarity: Array.from(result.similarity),
    attention: Array.from(result.attention),
    tokenLoss: result.ntpTokenLoss.map((row) => Array.from(row)),
    isolatedTokenLoss: result.isolatedTokenLoss.map((row) => Array.from(row)),
  };
}

/** A batch as the page shows it. */
export function batchView({ source, labels }: LabBatch, corpus: CorpusSetup, configuration: Configuration): BatchView {
  const documents = documentNumbers(labels);
  return {
    chunks: source.chunks.map((chunk, i) =>
      chunkView(corpus.tokenizer, chunk, documents[i] ?? 0, configuration.chunkTokens),
    ),
  };
}

/** Means over the held-out batches; losses weigh each batch the same, recall each row. */
export function evaluationRecord(result: EvaluationResult<LabBatch>, corpus: CorpusSetup): Evaluation {
  const { batches } = result;
  const mean = (value: (batch: (typeof batches)[number]) => number): number =>
    batches.reduce((sum, batch) => sum + value(batch), 0) / batches.length;
  const recall = combineRecall(batches.map(({ similarity, batch }) => recallAt1(similarity, batch.labels)));
  const tfidf = combineRecall(
    batches.map(({ batch }) => {
      const texts = batch.source.chunks.map(({ text }) => text);
      return recallAt1(corpus.tfidf.similarityMatrix(texts), batch.labels);
    }),
  );
  return {
    step: result.step,
    recallAt1: recall.recall,
    chance: recall.chance,
    tfidfRecallAt1: tfidf.recall,
    ntpLoss: mean(({ ntpLoss }) => ntpLoss),
    isolatedLoss: mean(({ isolatedLoss }) => isolatedLoss),
    effectiveDocuments: mean((batch) => meanDocuments(batch, batch.batch.labels.length)),
  };
}

function meanDocuments({ attention }: BatchResult, size: number): number {
  const rows = effectiveDocuments(attention, size);
  return rows.reduce((sum, count) => sum + count, 0) / rows.length;
}

/** Labels renumbered from 0 in order of appearance, so that a batch uses the first colours. */
function documentNumbers(labels: readonly number[]): number[] {
  const seen: number[] = [];
  return labels.map((label) => {
    if (!seen.includes(label)) seen.push(label);
    return seen.indexOf(label);
  });
}

function memoryView({ memory }: StepResult<LabBatch>): MemoryView {
  // Peaks by purpose: live figures at the end of a step would not show the activations.
  return { ...memory.peak, peak: memory.peakTotal, total: memory.total };
}
