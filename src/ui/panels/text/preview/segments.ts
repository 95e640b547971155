import type { DocumentPreview } from '../../../../lab/door/views.ts';

/** A stretch of a paragraph that lies in one chunk. */
export interface Segment {
  readonly text: string;
  /** Which chunk of its document. */
  readonly chunk: number;
  /** Whether the chunk begins here; else it goes on from the paragraph before. */
  readonly isStart: boolean;
}

export interface ShownParagraph {
  /** Where a document may be made to begin here, in its file; undefined where none can. */
  readonly at: number | undefined;
  readonly segments: readonly Segment[];
}

/** A document's paragraphs, each cut where its chunks are. Text that lies in no chunk (spaces between them) is not shown. */
export function shownParagraphs({
  text,
  paragraphs,
  chunks,
}: Pick<DocumentPreview, 'text' | 'paragraphs' | 'chunks'>): ShownParagraph[] {
  // Chunks come in the order of the text, so that one walk finds them all.
  let first = 0;
  return paragraphs.map(({ start, at }, i) => {
    const end = paragraphs[i + 1]?.start ?? text.length;
    while (first < chunks.length && (chunks[first]?.end ?? 0) <= start) first++;
    const segments: Segment[] = [];
    for (let chunk = first; chunk < chunks.length; chunk++) {
      const stretch = chunks[chunk];
      if (!stretch || stretch.start >= end) break;
      const piece = text.slice(Math.max(start, stretch.start), Math.min(end, stretch.end)).trim();
      if (piece !== '') segments.push({ text: piece, chunk, isStart: stretch.start >= start });
    }
    return { at, segments };
  });
}
