import type { Configuration } from '../../settings/configuration.ts';
import type { RevelaOptions } from './revela.ts';

/** @param layers of the language model. */
export function revelaOptions(configuration: Configuration, layers: number): RevelaOptions {
  const { temperature, vNorm, dualLoss, pooling, contextGate, lossMask, detachKeyValues, checkpointing } =
    configuration;
  return {
    temperature,
    vNorm,
    dualLoss,
    pooling,
    contextGate,
    contextLayers: contextLayers(layers, configuration),
    lossMask,
    detachKeyValues,
    checkpointing,
  };
}

/** The layers that read their neighbours; undefined: all. */
export function contextLayers(
  layers: number,
  { contextLayers: which }: Pick<Configuration, 'contextLayers'>,
): number[] | undefined {
  if (which === 'all') return undefined;
  const first = Math.floor(which === 'upperHalf' ? layers / 2 : (2 * layers) / 3);
  return Array.from({ length: layers }, (_, layer) => layer).slice(first);
}
