import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { refuseUnusable } from '../../../src/files/models/usableWeights.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { QWEN2_JSON } from '../../harness/tinyDecoder.ts';
import { fileWithHeader, folder } from '../helpers.ts';

const faulty = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'faults', name, 'config.json'), 'utf8'));

test.each<[string, unknown, RegExp]>([
  ['w09-bnb4', faulty('w09-bnb4'), /is quantised \(bitsandbytes, 4 bits\).*Take the unquantised one.*or a GGUF file/],
  ['w09b-gptq', faulty('w09b-gptq'), /is quantised \(GPTQ, 4 bits\)/],
  ['w10-fp8', faulty('w10-fp8'), /is quantised \(FP8\)/],
  ['AWQ', { quant_method: 'awq', bits: 4, version: 'gemm' }, /is quantised \(AWQ, 4 bits\)/],
  ['bitsandbytes before methods had names', { load_in_8bit: true }, /is quantised \(bitsandbytes, 8 bits\)/],
  ['compressed tensors', { quant_method: 'compressed-tensors', config_groups: {} }, /is quantised \(compressed-tensors\)/],
  ['a method of tomorrow', { quant_method: 'x'.repeat(1000) }, /is quantised \(x{40}\)/],
  ['a method without a name', { scale: 3 }, /is quantised \(by a method that is not named\)/],
])('%s is named by its configuration, before weights are looked at', (_what, json, message) => {
  const isWhole = typeof json === 'object' && json !== null && 'model_type' in json;
  expect(() => parseDecoderConfig(isWhole ? json : { ...QWEN2_JSON, quantization_config: json })).toThrow(message);
}); // prettier-ignore

test('what says that it is not quantised is not', () => {
  for (const none of [null, {}, undefined, [], false])
    expect(parseDecoderConfig({ ...QWEN2_JSON, quantization_config: none }).hiddenSize).toBe(12);
});

const weights = (name: string, dtype: string, shape: number[]) => {
  const bytes = shape.reduce((product, length) => product * length, dtype === 'I32' ? 4 : 1);
  return openWeights(
    folder({ 'model.safetensors': fileWithHeader({ [name]: { dtype, shape, data_offsets: [0, bytes] } }, bytes) }),
  );
};

test.each([
  ['model.layers.0.mlp.up_proj.qweight', 'I32', /quantised \(GPTQ or AWQ\)/],
  ['model.layers.0.mlp.up_proj.weight.absmax', 'U8', /quantised \(bitsandbytes\)/],
  ['model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4', 'U8', /quantised \(bitsandbytes\)/],
  ['model.layers.0.mlp.up_proj.weight_packed', 'I32', /quantised \(compressed-tensors\)/],
  ['model.layers.0.mlp.up_proj.weight_scale_inv', 'I8', /quantised \(FP8 or compressed-tensors\)/],
  ['model.layers.0.mlp.up_proj.weight', 'F8_E4M3', /quantised \(FP8\)/],
  ['model.layers.0.mlp.up_proj.weight', 'U8', /quantised \(weights stored as U8\)/],
])('%s of %s tells it where the configuration does not', async (name, dtype, message) => {
  const file = await weights(name, dtype, [2, 3]);
  expect(() => refuseUnusable(file)).toThrow(message);
});

test('weights that were saved empty are called so, with the usual cause', async () => {
  const empty = await weights('model.embed_tokens.weight', 'U8', [0]);
  expect(() => refuseUnusable(empty)).toThrow(/is empty: tensor model\.embed_tokens\.weight has shape \[0\].*ZeRO-3/);
  const none = await openWeights(folder({ 'model.safetensors': writeSafetensors([]) }));
  expect(() => refuseUnusable(none)).toThrow(/is empty: it has no tensors/);
});
