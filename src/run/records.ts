import type { Observation } from '../objectives/objective.ts';
import { objectiveOf } from '../objectives/registry.ts';
import type { ObjectiveTable } from '../objectives/table.ts';
import type { Configuration } from '../settings/configuration.ts';
import { LANGUAGE_MODEL, RETRIEVER } from '../training/parameterGroups.ts';
import type { StepResult } from '../training/trainer.ts';
import { chunkView, type CorpusSetup } from './corpusSetup.ts';
import type { CorpusBatch } from './feed.ts';
import type { BatchView, MemoryView, StepRecord } from './record.ts';

/** Turns the trainer's numbers into what the page shows. */
export function stepRecord(
  result: StepResult<CorpusBatch>,
  corpus: CorpusSetup,
  configuration: Configuration,
): StepRecord {
  const { table } = objectiveOf(configuration);
  return {
    metrics: {
      step: result.step,
      loss: result.loss,
      ...Object.fromEntries(table.stepMetrics.map(({ key }) => [key, result.metrics[key]])),
      gradientNorm: result.gradientNorm,
      retrieverGradientNorm: result.gradientNorms.get(RETRIEVER) ?? 0,
      languageModelGradientNorm: result.gradientNorms.get(LANGUAGE_MODEL) ?? 0,
      learningRate: result.learningRate,
      stepMs: result.stepMs,
      tokensPerSecond: (1000 * result.tokens) / result.stepMs,
      flops: result.flops,
      memory: memoryView(result),
    },
    batch: batchView(result.batch, corpus, configuration),
    ...viewsOf(result, table),
  };
}

/** What is drawn of a batch, by the keys of the objective's table. Signals that did not arrive are left out. */
export function viewsOf(
  { matrices, tokenRows }: Pick<Observation, 'matrices' | 'tokenRows'>,
  table: ObjectiveTable,
): Record<string, number[] | number[][]> {
  const signals = Object.values(table.signals ?? {}).filter((key) => matrices[key]);
  return Object.fromEntries<number[] | number[][]>([
    ...[...table.matrices.map(({ key }) => key), ...signals].map(
      (key) => [key, Array.from(matrices[key] ?? [])] as const,
    ),
    ...table.tokenRows.map(({ key }) => [key, (tokenRows[key] ?? []).map((row) => Array.from(row))] as const),
  ]);
}

/** A batch as the page shows it. */
export function batchView(
  { source, labels }: CorpusBatch,
  corpus: CorpusSetup,
  configuration: Configuration,
): BatchView {
  const documents = documentNumbers(labels);
  return {
    chunks: source.chunks.map((chunk, i) =>
      chunkView(corpus.tokenizer, chunk, documents[i] ?? 0, configuration.chunkTokens),
    ),
  };
}

/** Labels renumbered from 0 in order of appearance, so that a batch uses the first colours. */
export function documentNumbers(labels: readonly number[]): number[] {
  const seen: number[] = [];
  return labels.map((label) => {
    if (!seen.includes(label)) seen.push(label);
    return seen.indexOf(label);
  });
}

function memoryView({ memory }: StepResult<CorpusBatch>): MemoryView {
  // Peaks by purpose: live figures at the end of a step would not show the activations.
  return { ...memory.peak, peak: memory.peakTotal, total: memory.total };
}
