import { archiveFiles, type ExportedModel } from '../files/adapters/adapterArchive.ts';
import { adapterFiles, type BaseModel } from '../files/adapters/adapterFiles.ts';
import { centreFile } from '../files/adapters/centreFile.ts';
import { sentenceTransformersFiles } from '../files/adapters/sentenceTransformers.ts';
import type { RunDescription } from '../files/adapters/adapterReadme.ts';
import { decoderFiles } from '../files/models/decoderExport.ts';
import type { PackedOrigin } from '../files/models/gguf/packedOrigin.ts';
import type { AdapterKind } from '../files/adapters/adapterModules.ts';
import type { NamedFile } from '../files/formats/zipWriter.ts';
import type { TextTokenizer } from '../corpus/tokenizer/tokenizer.ts';
import type { Decoder } from '../models/decoder.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import { objectiveOf } from '../objectives/registry.ts';
import { contextLayers } from '../objectives/revela/options.ts';
import type { OpenRun } from './openRun.ts';

/**
 * What a run has learnt, as the files of one archive: PEFT adapters, or whole models where all weights were trained. The base
 * of small models, which is on no hub, goes along.
 */
export async function runArchive({ runtime, prepared, experiment }: OpenRun): Promise<NamedFile[]> {
  const { recipe, corpus, bases } = prepared;
  const { configuration } = recipe;
  const { models, optimiser } = experiment;
  const ownBase = bases === undefined && configuration.trained === 'lora';
  const learns = objectiveOf(configuration).learners(configuration);
  const exported = (kind: AdapterKind, decoder: Decoder | undefined, tokenizer: TextTokenizer) =>
    decoder &&
    exportModel(runtime, kind, decoder, {
      tokenizer,
      base: baseOf(prepared, kind, ownBase),
      // An adapter that stays as it is drops nothing, here or where the run goes on.
      dropout: learns[kind] ? configuration.loraDropout : 0,
    });
  const gates = models.gates ? Array.from(await readNow(runtime, models.gates.tensor)) : undefined;
  const run: RunDescription = {
    pooling: configuration.pooling,
    retrieverLayers: layersRun(models.retriever),
    centred: models.centre !== undefined,
    prefixes: corpus.retrieverTokenizer.prefixes,
    maxLength: configuration.chunkTokens,
    ending: corpus.retrieverTokenizer.ending,
    endsItself: corpus.retrieverTokenizer.specials.trailing.length > 0,
    temperature: configuration.temperature,
    vNorm: configuration.vNorm,
    contextGate: configuration.contextGate,
    contextLayers: models.languageModel ? contextLayers(models.languageModel.config.layers, configuration) : undefined,
    steps: optimiser.step,
  };
  const retriever = await exported('retriever', models.retriever, corpus.retrieverTokenizer);
  return archiveFiles({
    retriever: retriever && {
      ...retriever,
      files: [
        ...retriever.files,
        ...(models.centre ? [await centreFile(await models.centre.read())] : []),
        ...sentenceTransformersFiles({ ...retriever, run }),
      ],
    },
    languageModel: await exported('languageModel', models.languageModel, corpus.tokenizer),
    ownBase: ownBase
      ? await wholeModel(
          runtime,
          models.languageModel ?? models.retriever,
          corpus.tokenizer,
          models.languageModel !== undefined,
        )
      : undefined,
    gates,
    run,
    configuration,
  });
}

/** All weights of a decoder as the files of a Hugging Face folder. */
export async function wholeModel(
  runtime: Runtime,
  decoder: Decoder,
  tokenizer: TextTokenizer,
  head: boolean,
): Promise<NamedFile[]> {
  const { config, weights } = decoder;
  const values = await readAll(
    runtime,
    weights.specs.map(({ key }) => key),
    (key) => weights.tensor(key),
  );
  const { eosId: eosTokenId, padId: padTokenId, files } = tokenizer;
  return decoderFiles({ config, specs: weights.specs, values, head, tokenizer: files, eosTokenId, padTokenId });
}

async function exportModel(
  runtime: Runtime,
  kind: AdapterKind,
  decoder: Decoder,
  { tokenizer, base, dropout }: { tokenizer: TextTokenizer; base: BaseModel; dropout: number },
): Promise<ExportedModel | undefined> {
  const { adapter, weights } = decoder;
  if (adapter) {
    const values = await readAll(
      runtime,
      adapter.specs.map(({ key }) => key),
      (key) => adapter.parameters.tensor(key),
    );
    return {
      form: 'adapter',
      base,
      files: await adapterFiles({ kind, config: adapter.config, specs: adapter.specs, values, base, dropout }),
    };
  }
  if (!weights.parameters) return undefined;
  return { form: 'full', base, files: await wholeModel(runtime, decoder, tokenizer, kind === 'languageModel') };
}

/** How many layers of its base a decoder runs; undefined: all. */
export function layersRun({ config: { finalNorm, layers } }: Decoder): number | undefined {
  return finalNorm === false ? layers : undefined;
}

/** Where PEFT finds the base: the hub's id and revision, or the folder that goes along. */
export function baseOf({ recipe, bases }: OpenRun['prepared'], kind: AdapterKind, own: boolean): BaseModel {
  const { checkpoint, retrieverCheckpoint, base } = recipe.configuration;
  if (own || base === 'scratch') return { name: '../base' };
  const id = kind === 'retriever' && retrieverCheckpoint !== '' ? retrieverCheckpoint : checkpoint;
  const [name = id, revision] = id.startsWith('local@') ? [id.slice('local@'.length)] : id.split('@');
  const packed = bases?.[kind].packed;
  return packed ? packedBase(name, packed) : { name, revision };
}

/** A packed base under the name of what it packs: the one that was given, or else that of the hub or the file. */
function packedBase(given: string, { repository, file, types }: PackedOrigin): BaseModel {
  const isGiven = /^[\w.-]+\/[\w.-]+$/.test(given);
  const known = isGiven ? given : repository;
  return { name: known ?? file.replace(/\.gguf$/i, ''), packed: { file, types, isKnown: known !== undefined } };
}

async function readAll(
  runtime: Runtime,
  keys: readonly string[],
  tensor: (key: string) => Tensor,
): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const pending = keys.map(async (key) => [key, await runtime.read(tensor(key))] as const);
  await runtime.recorder.flush();
  return new Map(await Promise.all(pending));
}

async function readNow(runtime: Runtime, tensor: Tensor): Promise<Float32Array> {
  const numbers = runtime.read(tensor);
  await runtime.recorder.flush();
  return numbers;
}
