import type { StepRecord } from '../../../run/record.ts';

/** A number in an array of numbers. */
const NUMBER = 8;
/** A short string: its place in an array, its header, and its characters rounded up. */
const STRING = 32;
const OBJECT = 64;

/** About what a picture takes in memory: the arrays and strings it is made of, with a small allowance for each object. */
export function recordBytes(record: StepRecord): number {
  let bytes = 8 * OBJECT;
  for (const view of Object.values(record)) {
    if (!Array.isArray(view)) continue;
    // A matrix holds numbers, losses of tokens hold a row of them for each chunk.
    for (const row of view as readonly (number | readonly number[])[]) {
      bytes += typeof row === 'number' ? NUMBER : OBJECT + NUMBER * row.length;
    }
  }
  for (const { text, documentTitle, tokens } of record.batch.chunks) {
    bytes += 2 * OBJECT + 2 * (text.length + documentTitle.length) + STRING * tokens.length;
  }
  return bytes;
}
