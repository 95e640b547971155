import type { Dispatch } from '../../gpu/commands.ts';
import type { Constants } from '../../gpu/pipelines.ts';
import { withFeature } from '../../gpu/shaderLibrary.ts';
import type { Runtime } from './runtime.ts';

/**
 * A kernel that adds up or compares across threads (lib/rowSum.wgsl, lib/acrossRows.wgsl), in the form that the runtime's arithmetic asks
 * for: within subgroups where the device has them. Results are the same to the bit, so that where it has none the usual form does.
 */
export function reducing(
  runtime: Runtime,
  kernel: string,
  constants: Constants,
): Pick<Dispatch, 'kernel' | 'constants'> {
  const { subgroupSize } = runtime.gpu;
  const isUsual = runtime.arithmetic.reductions === 'memory' || subgroupSize === undefined;
  // Threads of direct kernels have whole rows to themselves.
  if (isUsual || kernel.endsWith('.direct')) return { kernel, constants };
  return { kernel: withFeature(kernel, 'subgroups'), constants: { ...constants, SUBGROUP: subgroupSize } };
}
