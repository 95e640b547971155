import type { GpuInfo } from '../../gpu/device.ts';
import { isMeasuredProduct, isWorkgroups, type TileTable } from '../../ops/core/tileChoice.ts';
import type { ProductRecord } from '../record.ts';
import known from './knownTables.json';

/** What somebody measured on a device and handed in (docs/devices). Made by `npm run bench:devices`. */
export interface KnownTable {
  readonly vendor: string;
  readonly architecture: string;
  /** The kernels that were measured (deviceName.ts). */
  readonly kernels: string;
  readonly measured: readonly ProductRecord[];
  /** Workgroups that keep it busy; absent in older reports. */
  readonly workgroups?: number | undefined;
}

/** What is known of devices that describe themselves so, through whatever they are reached, and of these very kernels. */
export function knownTable(
  { vendor, architecture }: Pick<GpuInfo, 'vendor' | 'architecture'>,
  kernels: string,
  tables: readonly KnownTable[] = known,
): Pick<TileTable, 'measured' | 'workgroups'> | undefined {
  if (architecture === '') return undefined;
  const found = tables.find(
    (table) => table.vendor === vendor && table.architecture === architecture && table.kernels === kernels,
  );
  if (!found) return undefined;
  const { measured, workgroups } = found;
  return {
    measured: measured.filter(isMeasuredProduct),
    workgroups: isWorkgroups(workgroups) ? workgroups : undefined,
  };
}
