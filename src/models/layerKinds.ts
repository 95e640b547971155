import { ModelConfigError, shown, sizeIn, type Fields } from './configFields.ts';
import type { familyOf } from './families.ts';

type Family = NonNullable<ReturnType<typeof familyOf>>;

/**
 * Layers without rotary positions, as transformers reads them: no_rope_layers holds 1 where a layer has them; without that list
 * every no_rope_layer_interval-th has none.
 * @throws ModelConfigError for a list that is too short or holds other things.
 */
export function nopeLayers(fields: Fields, family: Family, layers: number): number[] {
  if (family.nope === 'none') return [];
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const listed = fields['no_rope_layers'] ?? undefined;
  if (listed === undefined) {
    const interval = sizeIn(fields, 'no_rope_layer_interval', 4);
    return all.filter((layer) => (layer + 1) % interval === 0);
  }
  if (!Array.isArray(listed) || listed.length < layers || !listed.every((turns) => turns === 0 || turns === 1))
    throw new ModelConfigError(`config.json: no_rope_layers should list a 0 or a 1 for each of ${layers} layers.`);
  return all.filter((layer) => listed[layer] === 0);
}

/**
 * Refuses attention within a window, where some layer would have it: where use_sliding_window is on and sliding_window is a
 * number, those that layer_types calls sliding_attention, or without that list Qwen's from max_window_layers on and SmolLM3's
 * without positions. Of Llama nothing is read, as in transformers.
 * @throws ModelConfigError that says which layers; also for kinds of attention that these families do not have.
 */
export function refuseSlidingLayers(fields: Fields, family: Family, layers: number, nope: readonly number[]): void {
  if (family.sliding === 'none') return;
  const types = fields['layer_types'];
  const listed = Array.isArray(types) ? (types as unknown[]).slice(0, layers) : undefined;
  const strange = listed?.find((type) => type !== 'full_attention' && type !== 'sliding_attention');
  if (strange !== undefined)
    throw new ModelConfigError(
      `Attention of the kind ${shown(strange)} (layer_types) cannot be run; full_attention can.`,
    );
  const window = fields['sliding_window'] ?? (family.sliding === 'upper' ? QWEN_WINDOW : undefined);
  if (fields['use_sliding_window'] !== true || fields['sliding_window'] === null || window === undefined) return;
  const firstUpper = typeof fields['max_window_layers'] === 'number' ? fields['max_window_layers'] : QWEN_FULL_LAYERS;
  const slides = (layer: number): boolean => {
    if (listed) return listed[layer] === 'sliding_attention';
    return family.sliding === 'upper' ? layer >= firstUpper : nope.includes(layer);
  };
  const sliding = Array.from({ length: layers }, (_, layer) => layer).filter(slides);
  if (sliding.length > 0)
    throw new ModelConfigError(
      `Sliding-window attention (${shown(window)} tokens wide) cannot be run, and this model has it in ${sliding.length} of its ${layers} layers.`,
    );
}

/** What transformers takes of Qwen2 and Qwen3 where sliding_window and max_window_layers are left out. */
const QWEN_WINDOW = 4096;
const QWEN_FULL_LAYERS = 28;
