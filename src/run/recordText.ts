import { jsonPieces } from '../files/formats/jsonPieces.ts';
import type { RunRecord } from './record.ts';

/** Bytes of a saved run's header that its record may fill. */
export const MOST_RECORD_BYTES = 80_000_000;
/** What a header may take in all (files/formats/safetensors.ts), less what its tensors and settings need. */
const HEADER_BYTES = 95_000_000;

/** What the text that is trained on leaves of the header for the record. @param text as it stands in the header. */
export function roomForRecord(text: string | undefined): number {
  return text === undefined ? MOST_RECORD_BYTES : Math.min(MOST_RECORD_BYTES, HEADER_BYTES - bytesWithinJson(text));
}

/**
 * The record as a saved run keeps it. Where it would not fit, every other picture is left out until it does, the last one
 * last; undefined where even the curves are too long. The run's numbers are not in it: it goes on without.
 */
export function recordText(record: RunRecord, mostBytes = MOST_RECORD_BYTES): string | undefined {
  for (let told = record; ; told = withFewerPictures(told)) {
    const text = textUpTo(jsonPieces(told), mostBytes);
    if (text !== undefined || (told.snapshots.length === 0 && !told.probe)) return text;
  }
}

function withFewerPictures({ probe, ...record }: RunRecord): RunRecord {
  const records = everyOther(probe?.records ?? []);
  return {
    ...record,
    snapshots: everyOther(record.snapshots),
    ...(probe && records.length > 0 ? { probe: { ...probe, records } } : {}),
  };
}

function everyOther<T>(list: readonly T[]): readonly T[] {
  return list.length === 1 ? [] : list.filter((_, i) => (list.length - 1 - i) % 2 === 0);
}

/** The pieces as one text, unless it takes more bytes than this as a text within JSON, as it is in a header. */
function textUpTo(pieces: Iterable<string>, mostBytes: number): string | undefined {
  const kept: string[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    bytes += bytesWithinJson(piece);
    if (bytes > mostBytes) return undefined;
    kept.push(piece);
  }
  return kept.join('');
}

function bytesWithinJson(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}
