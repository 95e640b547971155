import type { PreparedRun } from './recipe.ts';

/** The same batches, each chunk told again and again until both models' rows are as long as they may be: for measuring. */
export function withFullRows(prepared: PreparedRun): PreparedRun {
  const { batches, tokenizer, retrieverTokenizer } = prepared.corpus;
  const { chunkTokens } = prepared.recipe.configuration;
  const filled = (text: string): string => {
    const tokens = Math.min(tokenizer.countTokens(text), retrieverTokenizer.countTokens(text));
    return Array.from({ length: Math.ceil((2 * chunkTokens) / Math.max(1, tokens)) }, () => text).join(' ');
  };
  const fill = (batch: ReturnType<typeof batches.batchAt>) => ({
    ...batch,
    chunks: batch.chunks.map((chunk) => ({ ...chunk, text: filled(chunk.text) })),
  });
  return {
    ...prepared,
    corpus: {
      ...prepared.corpus,
      batches: {
        batchSize: batches.batchSize,
        notices: batches.notices,
        batchAt: (step) => fill(batches.batchAt(step)),
        heldOutBatches: (count) => batches.heldOutBatches(count).map(fill),
      },
      longestRow: undefined,
    },
  };
}
