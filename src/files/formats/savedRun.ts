import { shown } from '../../models/config.ts';
import { ModelFileError, type ByteSource } from './byteSource.ts';
import { isSealed, sealedChunks, verifySeal, withoutSeal } from './checksum.ts';
import {
  headerLength,
  parseHeader,
  SafetensorsError,
  type SafetensorsHeader,
  type StoredTensor,
} from './safetensors.ts';
import { sniff } from './sniff.ts';
import { numberFormat } from '../models/numberFormat.ts';

/** The numbers of a run between two steps (training's TrainingState). */
export interface RunState {
  /** Updates made. */
  readonly step: number;
  /** Flat tensors by name. */
  readonly tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

export interface SavedRunFile {
  readonly state: RunState;
  /** What the writer gave: configuration, seeds, data position, base models, text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Marks the file as a run's, and its version: a reader must know what the numbers mean. */
const FORMAT = 'revela-run';
/** Since version 2 there is a checksum; a file of version 1 is read as it stands. */
const VERSION = '2';
const READ: readonly string[] = ['1', VERSION];
const FORMAT_KEY = 'format';
const VERSION_KEY = 'version';
const STEP_KEY = 'step';
const RESERVED: readonly string[] = [FORMAT_KEY, VERSION_KEY, STEP_KEY];

/**
 * One safetensors file of all that a run needs to go on, as chunks to be written one after the other: views of the state's
 * own numbers, nothing is copied. They must not change until all is written: the file holds their checksum.
 * @param metadata texts that the caller wants back.
 * @throws ModelFileError when the metadata uses a name that the file itself needs.
 */
export async function writeSavedRun(
  { step, tensors }: RunState,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>[]> {
  const taken = RESERVED.find((key) => Object.hasOwn(metadata, key));
  if (taken !== undefined) throw new ModelFileError(`The run's metadata cannot use the name ${taken}.`);
  return sealedChunks(
    [...tensors].map(([name, data]) => ({ name, shape: [data.length], data })),
    { ...metadata, [FORMAT_KEY]: FORMAT, [VERSION_KEY]: VERSION, [STEP_KEY]: String(step) },
  );
}

/** What a saved run says of itself, without its numbers: for a list of stored runs. @throws as readSavedRun */
export async function readSavedRunMetadata(
  source: ByteSource,
): Promise<{ step: number; metadata: Record<string, string> }> {
  const { step, metadata } = await open(source);
  return { step, metadata };
}

/**
 * Reads a saved run whole, once for its checksum and once for its numbers. Nothing is put anywhere: that is restoreTraining's part.
 * @throws ModelFileError for another kind of file or a version that is not known; SafetensorsError for a file that is cut
 * short or damaged.
 */
export async function readSavedRun(source: ByteSource): Promise<SavedRunFile> {
  const { step, metadata, header } = await open(source);
  await verifySeal(source, header);
  const state = new Map<string, Float32Array<ArrayBuffer>>();
  for (const { name, dtype, begin, end } of header.tensors.values()) {
    const bytes = await source.read(begin, end);
    if (bytes.length !== end - begin)
      throw new SafetensorsError(`${source.name} ended in the middle of ${name}: the file is cut short.`);
    const numbers = numberFormat(name, dtype).toFloats(bytes);
    if (!numbers.every(Number.isFinite))
      throw new SafetensorsError(`${source.name}: ${name} holds NaN or infinite numbers, which no saved run has.`);
    state.set(name, numbers);
  }
  return { state: { step, tensors: state }, metadata };
}

async function open(source: ByteSource) {
  const header = await readHeader(source);
  const {
    [FORMAT_KEY]: format,
    [VERSION_KEY]: version = '',
    [STEP_KEY]: stepText = '',
    ...metadata
  } = withoutSeal(header);
  if (format !== FORMAT) throw new ModelFileError(`${source.name} is a safetensors file, but not a saved run.`);
  if (!READ.includes(version))
    throw new ModelFileError(
      `${source.name} is a saved run of version ${shown(version)}; versions ${READ.join(' and ')} are read. Open it with the version of the program that wrote it.`,
    );
  if (version === VERSION && !isSealed(header))
    throw new SafetensorsError(`${source.name} is damaged: it has lost its checksum. Use another copy.`);
  const step = Number(stepText);
  if (!/^\d+$/.test(stepText) || !Number.isSafeInteger(step))
    throw new ModelFileError(`${source.name} says step ${shown(stepText)}, which is no step.`);
  for (const tensor of header.tensors.values()) checkTensor(source, tensor);
  return { step, metadata, header };
}

async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  try {
    const first = await source.read(0, Math.min(8, source.size));
    return parseHeader(await source.read(8, 8 + headerLength(first, source.size)), source.size);
  } catch (cause) {
    const mistaken = cause instanceof SafetensorsError ? await sniff(source) : undefined;
    throw mistaken === undefined ? cause : new SafetensorsError(`${source.name} ${mistaken}`);
  }
}

function checkTensor(source: ByteSource, { name, dtype, shape }: StoredTensor): void {
  if (dtype !== 'F32' || shape.length !== 1)
    throw new ModelFileError(
      `${source.name}: ${name} is ${dtype} of ${shape.length} dimensions; saved runs hold flat lists of F32.`,
    );
}
