import type { InspectedBatch } from '../../../lab/door/views.ts';
import type { ScoredText } from '../../../run/record.ts';
import { batchName } from '../../state/pairs.ts';

/** "Batch of step 12", "Held-out batch": which batch was looked into. `of`: what the one is that stays the same. */
export function inspectedWords({ step }: Pick<InspectedBatch, 'step'>, of: ScoredText | undefined): string {
  if (step !== 'probe') return `Batch of step ${step}`;
  const name = batchName('probe', of);
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
