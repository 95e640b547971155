import type { GpuDevice } from '../gpu/device.ts';
import type { Arithmetic } from '../ops/core/arithmetic.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { hasOrderedSubgroups } from '../ops/core/subgroupOrder.ts';
import type { Configuration } from '../settings/configuration.ts';
import { SettingError } from '../settings/setting.ts';
import { SETTINGS } from '../settings/table.ts';

/** How the models of a run compute, as its settings have it. */
export function arithmeticOf({ matmulPrecision: products, reductions }: Configuration): Arithmetic {
  return { products, reductions };
}

/** Found out once for each device. */
const ordered = new WeakMap<GpuDevice, Promise<boolean>>();

/**
 * Why rows cannot be summed within subgroups on this device, in a sentence; undefined where they can.
 * @throws the GPU's errors
 */
export async function whyNoSubgroups(runtime: Runtime): Promise<string | undefined> {
  const { gpu } = runtime;
  if (gpu.subgroupSize === undefined) return 'This GPU, or the browser, has no subgroups.';
  let found = ordered.get(gpu);
  if (!found) ordered.set(gpu, (found = hasOrderedSubgroups(runtime)));
  return (await found) ? undefined : 'This GPU puts threads into subgroups in an order that the kernels do not know.';
}

/**
 * The configuration as it can be run on this device. A run that began elsewhere (`goesOn`) does without subgroups where there are none:
 * its numbers stay the same to the bit, and `onWithout` hears why.
 * @throws SettingError where a new run asks for them; the GPU's errors
 */
export async function asItCanRun(
  runtime: Runtime,
  configuration: Configuration,
  {
    goesOn = false,
    onWithout,
  }: { readonly goesOn?: boolean; readonly onWithout?: ((why: string) => void) | undefined } = {},
): Promise<Configuration> {
  if (configuration.reductions === 'memory' || runtime.gpu.dry) return configuration;
  const why = await whyNoSubgroups(runtime);
  if (why === undefined) return configuration;
  const { label } = SETTINGS.reductions;
  if (!goesOn)
    throw new SettingError(
      'reductions',
      `${why} Set “${label}” (reductions) to workgroup memory: results are the same to the bit.`,
    );
  onWithout?.(`${why} The run goes on through workgroup memory: its numbers are the same to the bit.`);
  return { ...configuration, reductions: 'memory' };
}
