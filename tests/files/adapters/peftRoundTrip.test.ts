import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderFiles } from '../../../src/cli/support/nodeFiles.ts';
import { readAdapterArchive } from '../../../src/files/adapters/adapterArchive.ts';
import { adapterFiles } from '../../../src/files/adapters/adapterFiles.ts';
import type { FileLookup } from '../../../src/files/formats/byteSource.ts';
import { loadDecoder, readDecoderConfig } from '../../../src/files/models/decoderFiles.ts';
import type { AdapterKind } from '../../../src/files/adapters/adapterModules.ts';
import { loadAdapter, type LoadedAdapter } from '../../../src/files/adapters/peft.ts';
import { concatenated } from '../../../src/files/formats/safetensors.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import type { DecoderWeights } from '../../../src/models/weights.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { l2Normalize } from '../../../src/ops/l2Normalize.ts';
import { poolRows, type Pooling } from '../../../src/ops/pooling.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { expectClose } from '../../harness/numerics.ts';
import { folder } from '../helpers.ts';
import { losses } from './losses.ts';

/** What peft-round-trip/README.md describes. */
interface Expected {
  readonly rows: number[][];
  readonly mean: number[][];
  readonly last: number[][];
  readonly tokenLoss: number[][];
  readonly loss: number;
  readonly lossWithoutAdapter: number;
}

const DATA = join(import.meta.dirname, 'peft-round-trip');
const FAMILIES = ['qwen2', 'llama', 'qwen3', 'smollm3'] as const;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

async function embeddings(decoder: Decoder, rows: number[][], pooling: Pooling): Promise<Float32Array> {
  runtime.beginScope();
  const input = decoder.prepare(runtime, rows);
  const { hidden } = decoder.forward(runtime, input);
  const read = runtime.read(l2Normalize(runtime, poolRows(runtime, hidden, input.rows, pooling)));
  await runtime.recorder.flush();
  runtime.endScope();
  return read;
}

interface Opened {
  readonly base: DecoderWeights;
  readonly plain: Decoder;
  readonly adapters: Readonly<Record<AdapterKind, LoadedAdapter>>;
  readonly expected: Expected;
  readonly destroy: () => void;
}

async function open(family: string): Promise<Opened> {
  const files = folderFiles(join(DATA, family, 'base'));
  const config = await readDecoderConfig(files);
  const base = await loadDecoder(runtime, files, config, { head: true, trainable: false });
  const archive = await readAdapterArchive(folderFiles(join(DATA, family)));
  const load = async (found: FileLookup | undefined) => (await loadAdapter(runtime, found!, config))!;
  const adapters = { retriever: await load(archive.retriever), languageModel: await load(archive.languageModel) };
  return {
    base,
    plain: new Decoder(config, base),
    adapters,
    expected: JSON.parse(await readFile(join(DATA, family, 'expected.json'), 'utf8')) as Expected,
    destroy: () => [base, adapters.retriever.adapter, adapters.languageModel.adapter].forEach((made) => made.destroy()),
  };
}

/** float32 on both sides, values of size 1: rounding is 1e-6; a wrong scale, order or prefix is 1e-2 and more. */
const CLOSE = { abs: 1e-5 };

test.each(FAMILIES)(
  '%s: adapters that PEFT saved give the embeddings and losses that PEFT computes',
  async (family) => {
    const { base, plain, adapters, expected, destroy } = await open(family);
    const retriever = new Decoder(plain.config, base, adapters.retriever.adapter);
    const languageModel = new Decoder(plain.config, base, adapters.languageModel.adapter);
    const { rows } = expected;
    expectClose('mean', await embeddings(retriever, rows, 'mean'), expected.mean.flat(), CLOSE);
    expectClose('last', await embeddings(retriever, rows, 'eos'), expected.last.flat(), CLOSE);
    const { loss, tokenLoss } = await losses(runtime, languageModel, rows);
    expectClose('token losses', tokenLoss, expected.tokenLoss.flat(), { abs: 3e-5 });
    expectClose('loss', [loss], [expected.loss], CLOSE);
    // The adapters matter: without them all is different.
    expectClose(
      'loss without adapter',
      [(await losses(runtime, plain, rows)).loss],
      [expected.lossWithoutAdapter],
      CLOSE,
    );
    expect(Math.abs(expected.loss - expected.lossWithoutAdapter)).toBeGreaterThan(0.01);
    const bare = await embeddings(plain, rows, 'mean');
    expect(Math.max(...bare.map((value, i) => Math.abs(value - expected.mean.flat()[i]!)))).toBeGreaterThan(0.1);
    destroy();
  },
);

test.each(FAMILIES)('%s: an adapter that PEFT saved is exported with the same tensors and settings', async (family) => {
  const { adapters, destroy } = await open(family);
  for (const [kind, folderName] of [
    ['retriever', 'retriever'],
    ['languageModel', 'language-model'],
  ] as const) {
    const { adapter } = adapters[kind];
    const values = new Map<string, Float32Array>();
    for (const { key } of adapter.specs) {
      const read = runtime.read(adapter.parameters.tensor(key));
      await runtime.recorder.flush();
      values.set(key, await read);
    }
    const original = folderFiles(join(DATA, family, folderName));
    const theirs = JSON.parse(await readFile(join(DATA, family, folderName, 'adapter_config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const base = { name: String(theirs['base_model_name_or_path']) };
    const files = await adapterFiles({ kind, config: adapter.config, specs: adapter.specs, values, base });
    const ours = JSON.parse(new TextDecoder().decode(concatenated(files[0]!.chunks))) as Record<string, unknown>;
    const sorted = (json: Record<string, unknown>) => ({
      ...json,
      target_modules: [...(json['target_modules'] as string[])].sort(),
    });
    // Every field written here has the value that PEFT gives it.
    expect(sorted(theirs)).toMatchObject(sorted(ours));
    const written = await openWeights(
      folder({ 'adapter_model.safetensors': concatenated(files[1]!.chunks) }),
      'adapter_model',
    );
    const saved = await openWeights(original, 'adapter_model');
    expect([...written.names].sort()).toEqual([...saved.names].sort());
    for (const name of saved.names) {
      expect(written.get(name)?.shape).toEqual(saved.get(name)?.shape);
      expect(await written.readFloats(name), name).toEqual(await saved.readFloats(name));
    }
  }
  destroy();
});
