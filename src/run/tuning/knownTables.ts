import type { GpuInfo } from '../../gpu/device.ts';
import { isMeasuredProduct, type MeasuredProduct } from '../../ops/core/tileChoice.ts';
import type { ProductRecord } from '../record.ts';
import known from './knownTables.json';

/** What somebody measured on a device and handed in (docs/devices). Made by `npm run bench:devices`. */
export interface KnownTable {
  readonly vendor: string;
  readonly architecture: string;
  /** The kernels that were measured (deviceName.ts). */
  readonly kernels: string;
  readonly measured: readonly ProductRecord[];
}

/** What is known of devices that describe themselves so, through whatever they are reached, and of these very kernels. */
export function knownProducts(
  { vendor, architecture }: Pick<GpuInfo, 'vendor' | 'architecture'>,
  kernels: string,
  tables: readonly KnownTable[] = known,
): readonly MeasuredProduct[] {
  if (architecture === '') return [];
  const found = tables.find(
    (table) => table.vendor === vendor && table.architecture === architecture && table.kernels === kernels,
  );
  return (found?.measured ?? []).filter(isMeasuredProduct);
}
