import type { Picture, ProbeRecord } from '../../../run/record.ts';

/** A number in an array of numbers. */
const NUMBER = 8;
/** A short string: its place in an array, its header, and its characters rounded up. */
const STRING = 32;
const OBJECT = 64;

/** About what a picture takes in memory: the arrays and strings it is made of, with a small allowance for each object. */
export function recordBytes(picture: Picture): number {
  let bytes = viewBytes(picture);
  for (const { text, documentTitle, tokens } of picture.batch.chunks) {
    bytes += 2 * OBJECT + 2 * (text.length + documentTitle.length) + STRING * tokens.length;
  }
  return bytes;
}

/** The same without the batch, which all pictures of the probe share. */
export function viewBytes(picture: Picture | ProbeRecord): number {
  let bytes = 8 * OBJECT;
  for (const view of Object.values(picture)) {
    if (!Array.isArray(view)) continue;
    // A matrix holds numbers, losses of tokens hold a row of them for each chunk.
    for (const row of view as readonly (number | readonly number[])[]) {
      bytes += typeof row === 'number' ? NUMBER : OBJECT + NUMBER * row.length;
    }
  }
  return bytes;
}
