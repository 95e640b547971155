import type { BatchView, ChunkView, ScoredText } from '../../run/record.ts';
import type { Subject } from './history/history.ts';

/** Pairs of chunks that can be framed: of one document, or of different documents told in one wording. */
export type Frame = 'document' | 'wording';

export const FRAMES: readonly { readonly frame: Frame; readonly label: string }[] = [
  { frame: 'document', label: 'same document' },
  { frame: 'wording', label: 'same wording' },
];

/** Whether two different chunks are such a pair. */
export function isPair(frame: Frame, one: ChunkView | undefined, other: ChunkView | undefined): boolean {
  if (!one || !other || one === other) return false;
  const isOneDocument = one.document === other.document;
  if (frame === 'document') return isOneDocument;
  return !isOneDocument && one.wording !== undefined && one.wording === other.wording;
}

/** Whether the corpus of a batch knows in which sentence its chunks were told. */
export function knowsWording({ chunks }: BatchView): boolean {
  return chunks.some(({ wording }) => wording !== undefined);
}

/** Such pairs of a batch as cells, by places on the axes. `places`: chunks in the order of the axes. */
export function pairsOf(
  frame: Frame,
  { chunks }: BatchView,
  places: readonly number[],
): { readonly row: number; readonly column: number }[] {
  const at = (place: number): ChunkView | undefined => chunks[places[place] ?? -1];
  return places.flatMap((_, row) =>
    places.flatMap((_other, column) => (isPair(frame, at(row), at(column)) ? [{ row, column }] : [])),
  );
}

/** What the batch of a picture is: the one that stays the same, or that of a step. */
export function batchName(subject: Subject, of: ScoredText | undefined): string {
  if (subject === 'step') return 'this step’s batch';
  return of === 'heldOut' ? 'held-out batch' : 'fixed batch';
}

/** When a picture is of: the probe is looked at after updates, the batch of a step before the update that it makes. */
export function pictureMoment(subject: Subject, of: ScoredText | undefined, step: string): string {
  return subject === 'step' ? `step ${step}` : `${batchName(subject, of)}, step ${step}`;
}
