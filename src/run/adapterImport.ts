import { readAdapterArchive, type AdapterArchive } from '../files/adapters/adapterArchive.ts';
import { readCentre } from '../files/adapters/centreFile.ts';
import { describeAdapter, loadAdapter } from '../files/adapters/peft.ts';
import { ModelFileError, type FileLookup } from '../files/formats/byteSource.ts';
import type { Decoder } from '../models/decoder.ts';
import type { LoraAdapter } from '../models/lora.ts';
import { expectSameShape, shapeSettings, sharedShape, type ShapeSettings } from './loraShape.ts';
import type { OpenRun } from './openRun.ts';

/** A zip file, or a lookup with the names that it knows. */
export interface AdapterInput {
  readonly content: Uint8Array | FileLookup;
  readonly names?: readonly string[] | undefined;
}

/**
 * The settings of a run under which adapters go. Reads no numbers.
 * @throws ModelFileError, SafetensorsError; AdapterShapeError, SettingError where no run here is of their shape
 */
export async function adapterSettings(input: AdapterInput): Promise<ShapeSettings> {
  const { retriever, languageModel } = await open(input);
  const found = [
    ['retriever', retriever && (await describeAdapter(retriever))],
    ['language model', languageModel && (await describeAdapter(languageModel))],
  ] as const;
  return shapeSettings(sharedShape(found.flatMap(([whose, one]) => (one ? [{ whose, ...one }] : []))));
}

/**
 * Puts adapters under an open run. Everything is read and checked before anything is changed.
 * @returns what was put where, in words. @throws ModelFileError, SafetensorsError, AdapterShapeError when they do not fit it.
 */
export async function importAdapters({ runtime, experiment, prepared }: OpenRun, input: AdapterInput): Promise<string> {
  const { models } = experiment;
  const archive = await open(input);
  if (archive.gates && models.gates && archive.gates.length !== models.gates.initial.length)
    throw new ModelFileError(
      `The archive has gates for ${archive.gates.length} layers, but this model has ${models.gates.initial.length}.`,
    );
  const { centre, retriever } = models;
  const theirs = archive.retriever && (await readCentre(archive.retriever, retriever.config.hiddenSize));
  const trainsWhole = prepared.recipe.configuration.trained === 'full';
  const all = [
    ['retriever', archive.retriever, models.retriever],
    ['language model', archive.languageModel, models.languageModel],
  ] as const;
  const wanted = all.flatMap(([whose, files, decoder]) => (files ? [{ whose, files, decoder }] : []));
  // Loaded beside those of the run first: only when all of it fits does anything change.
  const loaded: { readonly whose: string; readonly from: LoraAdapter; readonly to: LoraAdapter | undefined }[] = [];
  const notices: string[] = [];
  try {
    for (const { whose, files, decoder } of wanted) {
      if (!decoder || !(decoder.adapter ?? trainsWhole)) throw withoutAdapter(whose, decoder);
      const found = await loadAdapter(runtime, files, decoder.config);
      if (!found) continue;
      loaded.push({ whose, from: found.adapter, to: decoder.adapter });
      notices.push(...found.notices);
    }
    sharedShape(loaded.map(({ whose, from }) => ({ whose, ...from.config })));
    for (const { whose, from, to } of loaded) expectSameShape(whose, from.config, to?.config);
    for (const { from, to } of loaded)
      for (const { key } of to?.specs ?? []) {
        const target = to?.parameters.tensor(key);
        if (target) runtime.recorder.copy(from.parameters.tensor(key).slice, target.slice, 4 * target.size);
      }
    await runtime.recorder.flush();
  } finally {
    for (const { from } of loaded) from.destroy();
  }
  if (archive.gates && models.gates) {
    runtime.recorder.upload(models.gates.tensor.slice, Float32Array.from(archive.gates));
    await runtime.recorder.flush();
  }
  if (theirs) centre?.set(theirs);
  experiment.beganWithAdapters ||= experiment.optimiser.step === 0;
  const said = `Adapters of the ${wanted.map(({ whose }) => whose).join(' and the ')} are loaded.`;
  const ofCentre = archive.retriever ? centreWords(theirs !== undefined, centre !== undefined) : [];
  return [said, ...new Set(notices), ...ofCentre].join(' ');
}

/** What became of the mean that goes with a retriever's adapter. */
function centreWords(isTheirs: boolean, isOurs: boolean): string[] {
  if (isTheirs && isOurs) return ['The mean embedding that they were trained with took the place of this text’s.'];
  if (isTheirs)
    return [
      'They were trained with “Centring”, which is off in this run: their similarities will lie closer together.',
    ];
  return isOurs ? ['They were trained without “Centring”: the mean embedding of this text is subtracted.'] : [];
}

function open({ content, names }: AdapterInput): Promise<AdapterArchive> {
  return readAdapterArchive(content, names ? { names } : {});
}

function withoutAdapter(whose: string, decoder: Decoder | undefined): ModelFileError {
  return new ModelFileError(
    `There is an adapter for the ${whose}, but ${decoder ? `the ${whose} of this run is frozen, and has none. Let it learn.` : `this run has no ${whose}. Choose the objective Revela, or load the other adapter alone.`}`,
  );
}
