import type { DecoderConfig } from '../models/config.ts';
import { firstLayers, layersAtDepth } from '../models/depth.ts';
import { SETTINGS, type Configuration } from '../settings/configuration.ts';
import { SettingError } from '../settings/setting.ts';

/**
 * The part of a decoder that the retriever runs; of all layers, the decoder's own config.
 * @throws SettingError where it has no such depth.
 */
export function retrieverConfig(
  { retrieverDepth: depth }: Pick<Configuration, 'retrieverDepth'>,
  config: DecoderConfig,
): DecoderConfig {
  const layers = layersAtDepth(depth, config.layers);
  if (layers !== undefined) return firstLayers(config, layers);
  throw new SettingError(
    'retrieverDepth',
    `${SETTINGS.retrieverDepth.label} is ${depth}, but this model has ${config.layers} ${config.layers === 1 ? 'layer' : 'layers'}. ${depthsThereAre(config.layers)}`,
  );
}

/** What may be chosen, for a message. */
function depthsThereAre(layers: number): string {
  return layers === 1 ? 'Choose 0: all of it.' : `Choose 0 for all, 1 to ${layers}, or −1 to −${layers - 1}.`;
}
