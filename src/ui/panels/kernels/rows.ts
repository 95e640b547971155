import type { KernelRow } from '../../../lab/door/views.ts';
import { compact } from '../../components/format.ts';

/** What a table of kernels can be sorted by. */
export type SortKey = keyof KernelRow;

/** Names from A to Z; everything else largest first. */
export function sorted(rows: readonly KernelRow[], key: SortKey): KernelRow[] {
  return [...rows].sort((a, b) =>
    key === 'kernel' ? a.kernel.localeCompare(b.kernel) : b[key] - a[key] || a.kernel.localeCompare(b.kernel),
  );
}

export function summed(rows: readonly KernelRow[]): Omit<KernelRow, 'kernel'> {
  const total = (key: Exclude<SortKey, 'kernel'>): number => rows.reduce((sum, row) => sum + row[key], 0);
  return { calls: total('calls'), ms: total('ms'), flops: total('flops'), bytes: total('bytes') };
}

/** Billions of `amount` (operations, bytes) per second, in words. */
export function rate(amount: number, ms: number): string {
  if (ms <= 0) return '–';
  const value = amount / ms / 1e6;
  return value > 0 && value < 0.01 ? '< 0.01' : compact(value);
}
