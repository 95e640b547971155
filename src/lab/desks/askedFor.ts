import type { Chunk } from '../../corpus/types.ts';

/** Shorter queries stand in many a text by chance. */
const SHORTEST = 12;

/**
 * The document that a query is certainly about: the one that is called so, or else the only one that holds it word for word. For
 * anything else only the reader knows what is right.
 */
export function askedFor(
  query: string,
  chunks: readonly Pick<Chunk, 'text' | 'document' | 'documentTitle'>[],
): number | undefined {
  const wanted = plain(query);
  if (wanted === '') return undefined;
  const of = (is: (chunk: Pick<Chunk, 'text' | 'documentTitle'>) => boolean): number | undefined => {
    const [document, ...others] = new Set(chunks.filter(is).map((chunk) => chunk.document));
    return others.length === 0 ? document : undefined;
  };
  const called = of(({ documentTitle }) => plain(documentTitle) === wanted);
  if (called !== undefined || wanted.length < SHORTEST) return called;
  return of(({ text }) => plain(text).includes(wanted));
}

/** Without what a copy of a text may have lost: case, kinds of white space. */
function plain(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, ' ');
}
