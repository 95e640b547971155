import type { StepRecord } from '../../../run/record.ts';

/** A number in an array of numbers. */
const NUMBER = 8;
/** A short string: its place in an array, its header, and its characters rounded up. */
const STRING = 32;
const OBJECT = 64;

/** About what a picture takes in memory: the arrays and strings it is made of, with a small allowance for each object. */
export function recordBytes(record: StepRecord): number {
  const { batch, similarity, attention, tokenLoss, isolatedTokenLoss } = record;
  let bytes = 8 * OBJECT + NUMBER * (similarity.length + attention.length);
  for (const losses of tokenLoss) bytes += OBJECT + NUMBER * losses.length;
  for (const losses of isolatedTokenLoss) bytes += OBJECT + NUMBER * losses.length;
  for (const { text, documentTitle, tokens } of batch.chunks) {
    bytes += 2 * OBJECT + 2 * (text.length + documentTitle.length) + STRING * tokens.length;
  }
  return bytes;
}
