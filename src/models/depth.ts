import type { DecoderConfig } from './config.ts';

/**
 * How many of a decoder's layers a depth means: 0 all, n the first n, −n all but the last n. Undefined where it has no such depth.
 */
export function layersAtDepth(depth: number, layers: number): number | undefined {
  const found = depth > 0 ? depth : layers + depth;
  return found >= 1 && found <= layers ? found : undefined;
}

/**
 * The first layers of a decoder as a decoder of its own. Cut below all of them it has no final norm: its hidden states are the
 * residual stream itself. Weights of the whole one serve it as they are.
 */
export function firstLayers(config: DecoderConfig, layers: number): DecoderConfig {
  return layers === config.layers ? config : { ...config, layers, finalNorm: false };
}
