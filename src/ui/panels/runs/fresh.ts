import type { StepRecord } from '../../../run/record.ts';

/** Random enough to be the only one; crypto.randomUUID exists on secure pages only. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Steps of the pictures in storage, of a run that is not there yet. */
export function nothingWritten(): Set<number> {
  return new Set();
}

/** The same of one whose pictures are there. */
export function picturesWritten(pictures: readonly StepRecord[]): Set<number> {
  return new Set(pictures.map(({ metrics }) => metrics.step));
}
