import { quantisedText } from '../../models/quantised.ts';
import { ModelFileError } from '../formats/byteSource.ts';
import { SafetensorsError, type StoredTensor } from '../formats/safetensors.ts';
import type { WeightFile } from './weights.ts';

/** Endings of the tensors that methods of quantisation put beside or in the place of a weight. */
const TRACES: readonly (readonly [RegExp, string])[] = [
  [/\.(qweight|qzeros|g_idx)$/, 'GPTQ or AWQ'],
  [/\.weight(\.absmax|\.quant_map|\.quant_state\.[\w.]+)$|\.SCB$/, 'bitsandbytes'],
  [/\.weight_packed$/, 'compressed-tensors'],
  [/\.weight_scale(_inv)?$/, 'FP8 or compressed-tensors'],
];

/**
 * Refuses files that hold no plain weights, by their headers alone: what was saved empty, and what was quantised without
 * its config.json saying so. @throws SafetensorsError, ModelFileError
 */
export function refuseUnusable(file: WeightFile): void {
  refuseEmpty(file, 'The checkpoint’s file');
  const how = tracesOf(file);
  if (how !== undefined) throw new ModelFileError(quantisedText(how));
}

/** @param what the file, at the beginning of a sentence. @throws SafetensorsError for no tensors, or tensors without numbers. */
export function refuseEmpty(file: WeightFile, what: string): void {
  const empty = file.names.map((name) => file.get(name)).find((tensor) => tensor?.shape.includes(0));
  if (file.names.length > 0 && !empty) return;
  throw new SafetensorsError(
    `${what} is empty: ${empty ? `tensor ${empty.name} has shape [${empty.shape.join(', ')}]` : 'it has no tensors'}. ` +
      'The usual cause is a save under DeepSpeed ZeRO-3 without gathering the weights: save again with stage3_gather_16bit_weights_on_model_save, or make whole weights with zero_to_fp32.py.',
  );
}

function tracesOf(file: WeightFile): string | undefined {
  for (const name of file.names) {
    const trace = TRACES.find(([ending]) => ending.test(name));
    if (trace) return trace[1];
    const dtype = weightFormat(file.get(name));
    if (dtype !== undefined) return dtype.startsWith('F8') ? 'FP8' : `weights stored as ${dtype}`;
  }
  return undefined;
}

/** The format of a matrix of weights that is none of the plain ones. */
function weightFormat(tensor: StoredTensor | undefined): string | undefined {
  if (!tensor?.name.endsWith('proj.weight')) return undefined;
  return /^(F8|I8|U8|I32)/.test(tensor.dtype) ? tensor.dtype : undefined;
}
