import type { Constants } from '../../gpu/pipelines.ts';
import type { Runtime } from './runtime.ts';

/**
 * How attention kernels read: `tiled` through workgroup memory (shaders/lib/attentionTile.wgsl, headTiles.wgsl), which GPUs need, or
 * `direct`ly from the buffers (attentionDirect.wgsl), for software GPUs, where barriers cost far more than loads.
 */
export type AttentionVariant = 'tiled' | 'direct';

/** Tokens of a workgroup of the direct kernels: the four threads of a software GPU's vector, with four rows each. */
export const DIRECT_TILE = 16;
/** Numbers of a head of which one workgroup of the direct kernels makes the result. */
const DIRECT_SLAB = 64;

/** The variant that suits the device, unless one is `wanted` (tests, measurements). */
export function attentionVariant(runtime: Runtime, wanted?: AttentionVariant): AttentionVariant {
  return wanted ?? (runtime.gpu.info.software ? 'direct' : 'tiled');
}

/** Workgroups that share the result for one tile and head. */
export function directSlabs(headDim: number): number {
  return Math.ceil(headDim / DIRECT_SLAB);
}

export function directConstants(headDim: number): Constants {
  return { HEAD_DIM: headDim, TILE: DIRECT_TILE };
}
