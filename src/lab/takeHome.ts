import { archiveFiles, readAdapterArchive, type ExportedModel } from '../files/adapterArchive.ts';
import { adapterFiles, type BaseModel } from '../files/adapterFiles.ts';
import { ModelFileError, type FileLookup } from '../files/byteSource.ts';
import { decoderFiles } from '../files/decoderExport.ts';
import { expectSameShape, loadAdapter, type AdapterKind } from '../files/peft.ts';
import type { NamedFile } from '../files/zipWriter.ts';
import type { TextTokenizer } from '../corpus/tokenizer.ts';
import type { Decoder } from '../models/decoder.ts';
import type { LoraAdapter } from '../models/lora.ts';
import type { Context } from '../ops/context.ts';
import type { Tensor } from '../ops/tensor.ts';
import type { Configuration } from './configuration.ts';
import { contextLayers } from './models.ts';
import type { OpenRun } from './openRun.ts';

/**
 * What a run has learnt, as the files of one archive: PEFT adapters, or whole models where all weights were trained. The base
 * of small models, which is on no hub, goes along.
 */
export async function runArchive({ context, prepared, experiment }: OpenRun): Promise<NamedFile[]> {
  const { plan, corpus, bases } = prepared;
  const { configuration } = plan;
  const { models, optimiser } = experiment;
  const ownBase = bases === undefined && configuration.trained === 'lora';
  const exported = (kind: AdapterKind, decoder: Decoder, tokenizer: TextTokenizer) =>
    exportModel(context, kind, decoder, tokenizer, baseOf(configuration, kind, ownBase));
  const gates = models.gates ? Array.from(await readNow(context, models.gates.tensor)) : undefined;
  return archiveFiles({
    retriever: await exported('retriever', models.retriever, corpus.retrieverTokenizer),
    languageModel: await exported('languageModel', models.languageModel, corpus.tokenizer),
    ownBase: ownBase ? await wholeModel(context, models.languageModel, corpus.tokenizer, true) : undefined,
    gates,
    run: {
      pooling: configuration.pooling,
      prefixes: true,
      maxLength: configuration.chunkTokens,
      temperature: configuration.temperature,
      vNorm: configuration.vNorm,
      contextGate: configuration.contextGate,
      contextLayers: contextLayers(models.languageModel.config.layers, configuration),
      steps: optimiser.step,
    },
    configuration,
  });
}

/**
 * Puts adapters under an open run. Everything is read and checked before anything is changed.
 * @returns what was put where, in words. @throws ModelFileError, SafetensorsError when they do not fit this run.
 */
export async function importAdapters(
  { context, experiment }: OpenRun,
  input: Uint8Array | FileLookup,
  names?: readonly string[],
): Promise<string> {
  const { models } = experiment;
  const archive = await readAdapterArchive(input, names ? { names } : {});
  const wanted = [
    ['retriever', archive.retriever, models.retriever],
    ['language model', archive.languageModel, models.languageModel],
  ] as const;
  for (const [name, files, decoder] of wanted)
    if (files && !decoder.adapter)
      throw new ModelFileError(
        `There is an adapter for the ${name}, but the ${name} of this run has none: it is frozen, or trained whole. Choose “LoRA adapters” and let it learn.`,
      );
  if (archive.gates && models.gates && archive.gates.length !== models.gates.initial.length)
    throw new ModelFileError(
      `The archive has gates for ${archive.gates.length} layers, but this model has ${models.gates.initial.length}.`,
    );
  // Loaded beside those of the run first: only when all of it fits does anything change.
  const loaded: LoraAdapter[] = [];
  try {
    const pairs: [LoraAdapter, LoraAdapter][] = [];
    for (const [name, files, { adapter, config }] of wanted) {
      if (!files || !adapter) continue;
      const found = (await loadAdapter(context, files, config))?.adapter;
      if (!found) continue;
      loaded.push(found);
      expectSameShape(name, found.config, adapter.config);
      pairs.push([found, adapter]);
    }
    for (const [from, to] of pairs)
      for (const { key } of to.specs) {
        const target = to.parameters.tensor(key);
        context.recorder.copy(from.parameters.tensor(key).slice, target.slice, 4 * target.size);
      }
    await context.recorder.flush();
  } finally {
    for (const adapter of loaded) adapter.destroy();
  }
  if (archive.gates && models.gates) {
    context.recorder.upload(models.gates.tensor.slice, Float32Array.from(archive.gates));
    await context.recorder.flush();
  }
  const said = wanted.filter(([, files]) => files).map(([name]) => name);
  return `Adapters of the ${said.join(' and the ')} are loaded.`;
}

/** All weights of a decoder as the files of a Hugging Face folder. */
export async function wholeModel(
  context: Context,
  decoder: Decoder,
  tokenizer: TextTokenizer,
  head: boolean,
): Promise<NamedFile[]> {
  const { config, weights } = decoder;
  const values = await readAll(
    context,
    weights.specs.map(({ key }) => key),
    (key) => weights.tensor(key),
  );
  const { eosId: eosTokenId, padId: padTokenId, files } = tokenizer;
  return decoderFiles({ config, specs: weights.specs, values, head, tokenizer: files, eosTokenId, padTokenId });
}

async function exportModel(
  context: Context,
  kind: AdapterKind,
  decoder: Decoder,
  tokenizer: TextTokenizer,
  base: BaseModel,
): Promise<ExportedModel | undefined> {
  const { adapter, weights } = decoder;
  if (adapter) {
    const values = await readAll(
      context,
      adapter.specs.map(({ key }) => key),
      (key) => adapter.parameters.tensor(key),
    );
    return {
      form: 'adapter',
      base,
      files: adapterFiles({ kind, config: adapter.config, specs: adapter.specs, values, base }),
    };
  }
  if (!weights.parameters) return undefined;
  return { form: 'full', base, files: await wholeModel(context, decoder, tokenizer, kind === 'languageModel') };
}

/** Where PEFT finds the base: the hub's id and revision, or the folder that goes along. */
function baseOf({ checkpoint, retrieverCheckpoint, base }: Configuration, kind: AdapterKind, own: boolean): BaseModel {
  if (own || base === 'scratch') return { name: '../base' };
  const id = kind === 'retriever' && retrieverCheckpoint !== '' ? retrieverCheckpoint : checkpoint;
  const [name = id, revision] = id.startsWith('local@') ? [id.slice('local@'.length)] : id.split('@');
  return { name, revision };
}

async function readAll(
  context: Context,
  keys: readonly string[],
  tensor: (key: string) => Tensor,
): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const pending = keys.map(async (key) => [key, await context.read(tensor(key))] as const);
  await context.recorder.flush();
  return new Map(await Promise.all(pending));
}

async function readNow(context: Context, tensor: Tensor): Promise<Float32Array> {
  const numbers = context.read(tensor);
  await context.recorder.flush();
  return numbers;
}
