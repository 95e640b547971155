import { effectiveDocuments } from '../../../retrieval/metrics.ts';
import { matrixOf, metricOf, type Picture } from '../../../run/record.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import { decimal } from '../../components/format.ts';
import type { RowReading } from '../display.ts';

/** From this share on a chunk reads another "mostly". */
const MOST = 0.5;
/** A chunk that effectively reads more than this share of all others reads them about alike. */
const ALIKE = 0.85;

/** Whether every chunk, and not their mean alone, reads all others about alike: of two others that says nothing. */
export function readsAllAlike(picture: Picture): boolean {
  const size = picture.batch.chunks.length;
  const isMost = (read: number): boolean => read > ALIKE * (size - 1);
  if (size <= 3 || !isMost(metricOf(picture.metrics, 'effectiveDocuments'))) return false;
  return effectiveDocuments(matrixOf(picture, 'attention'), size).every(isMost);
}

/**
 * "5 of 8 chunks read their partner most": of those that have a partner and something else to read. Where all others are partners there
 * is nothing to find, which is said; empty where there are no partners.
 */
export function countFound(rows: readonly RowReading[]): string {
  const judged = rows.filter(({ hasPartner, hasOther }) => hasPartner && hasOther);
  if (judged.length > 0) {
    const found = judged.filter(({ isPartner }) => isPartner).length;
    return `${found} of ${judged.length} chunks read their partner most`;
  }
  return rows.some(({ hasPartner }) => hasPartner)
    ? 'All chunks here are of one document, so every other is a partner and there is nothing to find'
    : '';
}

/** The largest share of all, and whether it is right. `rows`: readings of the matrix of shares. */
export function strongestPair(rows: readonly RowReading[], source: Configuration['source']): string {
  const strongest = rows.reduce((best, row) => (row.value > best.value ? row : best));
  const [reader, read] = [strongest.row + 1, strongest.most + 1];
  const share = decimal(strongest.value);
  const reads =
    strongest.value >= MOST
      ? `Chunk ${reader} reads mostly chunk ${read} (${share})`
      : `Chunk ${reader} reads chunk ${read} more than any other (${share})`;
  const isFact = source === 'facts';
  if (strongest.isPartner) return `${reads}: ${isFact ? 'they tell the same fact' : 'both are from one document'}.`;
  return `${reads}, which ${isFact ? 'tells another fact' : 'is from another document'}.`;
}
