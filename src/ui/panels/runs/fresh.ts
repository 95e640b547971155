import type { RunRecord } from '../../../run/record.ts';
import type { Written } from './records/summary.ts';

/** Random enough to be the only one; crypto.randomUUID exists on secure pages only. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What is in storage of a run that is not there yet. */
export function nothingWritten(): Written {
  return { steps: new Set(), probe: new Set() };
}

/** The same of one that is there. */
export function allWritten(run: RunRecord | undefined): Written {
  const steps = (pictures: readonly { readonly metrics: { readonly step: number } }[]): Set<number> =>
    new Set(pictures.map(({ metrics }) => metrics.step));
  return { steps: steps(run?.snapshots ?? []), probe: steps(run?.probe?.records ?? []) };
}

/** Nothing of it is in storage. */
export function forget({ steps, probe }: Written): void {
  steps.clear();
  probe.clear();
}
