import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ModelFileError, type FileLookup } from '../../files/formats/byteSource.ts';
import { loadDecoder } from '../../files/models/decoderFiles.ts';
import { ggufFolder } from '../../files/models/gguf/ggufFolder.ts';
import { transformerFiles } from '../../files/models/sentenceTransformers.ts';
import { loadAdapter } from '../../files/adapters/peft.ts';
import { openPretrained, type Bases, type Pretrained } from '../../run/pretrained.ts';
import type { DecoderConfig } from '../../models/config.ts';
import { Decoder } from '../../models/decoder.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { fileSource, filesUnder, folderFiles } from './nodeFiles.ts';
import { partText, ProgressLine, timeText } from './reports.ts';
import { folderName, UsageError } from './usage.ts';

/**
 * Reads the small files of a checkpoint: a Hugging Face folder, or a GGUF file.
 * @throws UsageError where there is neither, ModelFileError … naming the folder, GgufError
 */
export async function openCheckpoint(path: string): Promise<Pretrained> {
  const name = folderName(path);
  const packed = path.toLowerCase().endsWith('.gguf') ? await fileSource(path, basename(path)) : undefined;
  if (packed) return openPretrained(name, await ggufFolder(packed));
  await requireFolder(path);
  try {
    return await openPretrained(name, await transformerFiles(folderFiles(path)));
  } catch (cause) {
    // The folder is what was typed; without it a message about "the folder" says too little when there are two.
    if (cause instanceof ModelFileError) throw new ModelFileError(`${path}: ${cause.message}`);
    throw cause;
  }
}

/** Where the language model lies. @throws UsageError where none was given. */
export function requireModel(model: string | undefined): string {
  if (model === undefined) throw new UsageError('A pretrained checkpoint is needed: --model PATH.');
  return model;
}

/** The checkpoints of a run; one object when both are the same folder or file, so that it is loaded once. */
export async function openBases(model: string, retrieverModel: string | undefined): Promise<Bases> {
  const languageModel = await openCheckpoint(model);
  const same = retrieverModel === undefined || resolve(retrieverModel) === resolve(model);
  return { languageModel, retriever: same ? languageModel : await openCheckpoint(retrieverModel) };
}

export async function requireFolder(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => undefined);
  if (!info?.isDirectory())
    throw new UsageError(
      folder.toLowerCase().endsWith('.gguf') ? `There is no file ${folder}.` : `There is no folder ${folder}.`,
    );
}

/** Says on standard error how far the loading of checkpoints is. */
export function loadProgress(): (detail: string, doneBytes: number, totalBytes: number) => void {
  const line = new ProgressLine();
  let started: { detail: string; at: number } | undefined;
  return (detail, done, total) => {
    if (started?.detail !== detail || done < started.at) started = { detail, at: performance.now() };
    if (done < total) return line.update(`${detail}: ${partText(done, total)}`);
    line.end(`${detail}: ${partText(done, total)} in ${timeText(performance.now() - started.at)}`);
    started = undefined;
  };
}

export interface LoadedModel {
  readonly decoder: Decoder;
  /** The same without its adapter. */
  readonly base: Decoder;
  destroy(): void;
}

export interface LoadModelOptions {
  readonly head: boolean;
  /** A PEFT folder: where it lies, or its files. */
  readonly adapter: string | FileLookup | undefined;
  readonly signal: AbortSignal;
  /** Default: the checkpoint's own. */
  readonly config?: DecoderConfig;
}

/** Loads a checkpoint, or the first layers of it (`config`), as it is stored, with an adapter from a PEFT folder over it when one is given. */
export async function loadModel(
  runtime: Runtime,
  pretrained: Pretrained,
  { head, adapter, signal, config = pretrained.config }: LoadModelOptions,
): Promise<LoadedModel> {
  if (typeof adapter === 'string') await requireFolder(adapter);
  const progress = loadProgress();
  const { name, files } = pretrained;
  const options = { head, trainable: false, signal };
  const weights = await loadDecoder(runtime, files, config, options, (done, total) =>
    progress(`Loading ${name}`, done, total),
  );
  const loaded = await overAdapter(runtime, adapter, config).catch((cause: unknown) => {
    weights.destroy();
    throw cause;
  });
  return {
    decoder: new Decoder(config, weights, loaded?.adapter),
    base: new Decoder(config, weights),
    destroy() {
      loaded?.adapter.destroy();
      weights.destroy();
    },
  };
}

async function overAdapter(runtime: Runtime, given: string | FileLookup | undefined, config: DecoderConfig) {
  if (given === undefined) return undefined;
  const loaded = await loadAdapter(runtime, typeof given === 'string' ? folderFiles(given) : given, config);
  if (!loaded) throw typeof given === 'string' ? await withoutAdapter(given) : new UsageError('There is no adapter.');
  for (const notice of loaded.notices) process.stderr.write(`note: ${notice}\n`);
  return loaded;
}

/** What is said of a folder without an adapter: those below it are named. */
async function withoutAdapter(folder: string): Promise<UsageError> {
  const below = (await filesUnder(folder))
    .filter((name) => name.endsWith('/adapter_config.json'))
    .map((name) => name.slice(0, -'/adapter_config.json'.length))
    .sort();
  const hint =
    below.length === 0 ? 'it is not the folder of an adapter' : `choose ${below.slice(0, 4).join(' or ')} in it`;
  return new UsageError(`${folder} has no adapter_config.json: ${hint}.`);
}
