import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderFiles } from '../../../src/cli/support/nodeFiles.ts';
import { adapterFiles } from '../../../src/files/adapters/adapterFiles.ts';
import { loadAdapter } from '../../../src/files/adapters/peft.ts';
import { concatenated } from '../../../src/files/formats/safetensors.ts';
import { loadDecoder, readDecoderConfig } from '../../../src/files/models/decoderFiles.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import type { DecoderConfig } from '../../../src/models/config.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import type { DecoderWeights } from '../../../src/models/weights.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { expectClose } from '../../harness/numerics.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { folder } from '../helpers.ts';
import { losses } from './losses.ts';

const DATA = join(import.meta.dirname, 'peft-variants');
const ROUND_TRIP = join(import.meta.dirname, 'peft-round-trip/qwen2');

let runtime: Runtime;
let config: DecoderConfig;
let base: DecoderWeights;
let rows: number[][];
beforeAll(async () => {
  runtime = await openTestRuntime();
  const files = folderFiles(join(ROUND_TRIP, 'base'));
  config = await readDecoderConfig(files);
  base = await loadDecoder(runtime, files, config, { head: true, trainable: false });
  ({ rows } = JSON.parse(await readFile(join(ROUND_TRIP, 'expected.json'), 'utf8')) as { rows: number[][] });
});
afterAll(() => {
  base.destroy();
  runtime.destroy();
});

test.each<[string, object, RegExp | undefined]>([
  ['pattern', { targets: ['q_proj', 'v_proj'], alpha: 5 }, undefined],
  ['lookahead', { targets: ['o_proj', 'up_proj'], alpha: 5 }, undefined],
  ['union', { targets: ['k_proj', 'gate_proj'], alpha: 5 }, undefined],
  ['one-layer', { targets: ['q_proj', 'down_proj'], layers: [1] }, /adapts layers 1 of 2/],
  ['stabilised', { targets: ['v_proj', 'o_proj'], alpha: 5 * Math.sqrt(3) }, /use_rslora/],
  ['transposed', { targets: ['q_proj', 'k_proj'], alpha: 5 }, /fan_in_fan_out is passed over/],
  ['claims-more', { targets: ['q_proj', 'v_proj'] }, /asks for k_proj, but there are no tensors for it/],
])('%s: what PEFT saved gives the losses that PEFT computes, and goes out as it came', async (name, lora, notice) => {
  const { tokenLoss } = JSON.parse(await readFile(join(DATA, name, 'expected.json'), 'utf8')) as {
    tokenLoss: number[][];
  };
  const { adapter, notices } = (await loadAdapter(runtime, folderFiles(join(DATA, name)), config))!;
  expect(adapter.config).toMatchObject({ rank: 3, ...lora });
  if (notice) expect(notices.join(' ')).toMatch(notice);
  else expect(notices).toEqual([]);
  const found = await losses(runtime, new Decoder(config, base, adapter), rows);
  // Rounding of float32 in sums of this size; a wrong target, layer or scale is 1e-2 and more.
  expectClose('token losses', found.tokenLoss, tokenLoss.flat(), { abs: 3e-5 });

  const values = new Map<string, Float32Array>();
  for (const { key } of adapter.specs) {
    const read = runtime.read(adapter.parameters.tensor(key));
    await runtime.recorder.flush();
    values.set(key, await read);
  }
  const files = await adapterFiles({
    kind: 'languageModel',
    config: adapter.config,
    specs: adapter.specs,
    values,
    base: { name: 'base' },
  });
  const exported = folder(Object.fromEntries(files.map((file) => [file.name, concatenated(file.chunks)])));
  const [ours, theirs] = [
    await openWeights(exported, 'adapter_model'),
    await openWeights(folderFiles(join(DATA, name)), 'adapter_model'),
  ];
  expect([...ours.names].sort()).toEqual([...theirs.names].sort());
  for (const tensor of theirs.names)
    expect(await ours.readFloats(tensor), tensor).toEqual(await theirs.readFloats(tensor));
  const again = (await loadAdapter(runtime, exported, config))!;
  expect(again.adapter.config).toEqual(adapter.config);
  expect(again.notices.filter((one) => !one.startsWith('It adapts layers'))).toEqual([]);
  for (const loaded of [adapter, again.adapter]) loaded.destroy();
});
