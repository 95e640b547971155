import type { RunRecord } from '../../../../run/record.ts';
import { holds, type RecordedClaim } from './conditions.ts';
import { observedAt } from './observed.ts';
import { QUANTITIES } from './quantities.ts';

/** What a recorded run has of what a claim speaks of, and whether that holds. */
export function onRecord(run: RunRecord, claim: RecordedClaim): { readonly found: number; readonly holds: boolean } {
  const { step, of, is, value = NaN, against, tolerance } = claim;
  const found = QUANTITIES[of].of(observedAt(run, step));
  const wanted = against
    ? (against.factor ?? 1) * QUANTITIES[against.of ?? of].of(observedAt(run, against.step ?? step))
    : value;
  return { found, holds: holds(found, is, wanted, tolerance) };
}
