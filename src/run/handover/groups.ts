import { isContrastiveBatch } from '../../objectives/contrastive/contrastive.ts';
import { isDistillationBatch } from '../../objectives/distillation/objective.ts';
import { isRevelaBatch } from '../../objectives/revela/objective.ts';
import type { CorpusBatch } from '../feed.ts';
import { documentNumbers } from '../records.ts';

/** Whose the groups are, where the authors' trainer asks for it. It must not be "stackoverflow", for which that trainer cuts no query. */
const SOURCE = 'playground';

/** A batch as a line of groups.jsonl: `src` and `text` are what the authors' trainer reads, the rest is for the runner. */
export interface Group {
  readonly src: string;
  readonly text: readonly string[];
  /** Equal labels are of one document. */
  readonly labels: readonly number[];
  readonly titles: readonly string[];
  readonly [more: string]: unknown;
}

/**
 * What the runner cannot make of the texts by itself: what a control reads, [B, B]; views of chunks as rows of tokens, and whose
 * document each hard negative is of; a teacher's lists, [B, B], with 1 for chunks that are no negatives.
 */
export function groupOf(batch: CorpusBatch): Group {
  const { source } = batch;
  return {
    src: SOURCE,
    text: source.chunks.map(({ text }) => text),
    labels: documentNumbers(batch.labels),
    titles: source.chunks.map(({ documentTitle }) => documentTitle),
    ...moreOf(batch),
  };
}

function moreOf(batch: CorpusBatch): Record<string, unknown> {
  if (isRevelaBatch(batch)) return batch.fixedAttention ? { attention: Array.from(batch.fixedAttention) } : {};
  if (isContrastiveBatch(batch)) return { rows: batch.pairs, partnersOf: batch.partnersOf };
  if (isDistillationBatch(batch)) {
    const { scores, leftOut } = batch.teacher;
    return { teacher: { scores: Array.from(scores), leftOut: Array.from(leftOut, (value) => Number(value < 0)) } };
  }
  return {};
}
