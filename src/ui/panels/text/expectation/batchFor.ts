import type { TextFacts } from './circumstances.ts';

/** With fewer chunks than this in a batch there is nearly nothing to confuse a partner with. */
const SMALLEST = 4;
/** A quarter of the documents is kept out of training, two at least (corpus/batches). */
const HELD_OUT = { share: 0.25, documents: 2 };

/**
 * The largest even batch, up to `wished`, with which a part of the text can be kept out of training and the rest still fills a
 * batch; where none leaves that much, the largest that the whole text fills. Undefined where that is less than 4.
 */
export function batchFor(
  { documents, chunks }: Pick<TextFacts, 'documents' | 'chunks'>,
  wished: number,
): number | undefined {
  const kept = Math.max(HELD_OUT.documents, Math.round(documents * HELD_OUT.share));
  const forTraining = Math.floor((chunks * (documents - kept)) / Math.max(1, documents));
  const even = (most: number): number => 2 * Math.floor(Math.min(most, wished) / 2);
  return [even(forTraining), even(chunks)].find((size) => size >= SMALLEST);
}
