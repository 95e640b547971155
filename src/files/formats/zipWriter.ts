import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { ModelFileError } from './byteSource.ts';

/** A file to be stored or packed, in pieces that follow one another. */
export interface NamedFile {
  /** Path with slashes, relative. */
  readonly name: string;
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
}

export function textFile(name: string, text: string): NamedFile {
  return { name, chunks: [new TextEncoder().encode(text)] };
}

export function jsonFile(name: string, value: unknown): NamedFile {
  return textFile(name, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Same files under a folder. */
export function inFolder(folder: string, files: readonly NamedFile[]): NamedFile[] {
  return files.map(({ name, chunks }) => ({ name: `${folder}/${name}`, chunks }));
}

/** The zip format without its 64-bit extension, which the library does not write. */
const MOST_BYTES = 0xffffffff;
const MOST_FILES = 0xffff;

/** What a zip file grows by with one more piece of its files. */
export interface ZipStep {
  /** Chunks to be written one after the other, after those of the steps before. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** Share of the files' bytes that are in it now, 0 to 1. */
  readonly share: number;
}

/**
 * A zip file, piece by piece of its files, so that packing many can be followed and stopped. Texts are deflated; weights, which
 * hardly shrink, are stored and their chunks handed on without a copy.
 * @param modified shown by unpackers as the time of every file.
 * @throws ModelFileError when the whole would not fit into a zip file (4 GB).
 */
export function* zipSteps(files: readonly NamedFile[], modified = new Date()): Generator<ZipStep> {
  if (files.length > MOST_FILES) throw new ModelFileError(`A zip file holds at most ${MOST_FILES} files.`);
  const size = files.reduce((sum, { chunks }) => chunks.reduce((bytes, chunk) => bytes + chunk.length, sum), 0);
  if (size > MOST_BYTES)
    throw new ModelFileError('The files have more than 4 GB together, which a zip file cannot hold.');
  let written: Uint8Array<ArrayBuffer>[] = [];
  let failure: Error | undefined;
  let read = 0;
  const zip = new Zip((error, chunk) => {
    if (error) failure ??= error;
    else written.push(chunk);
  });
  const step = (): ZipStep => {
    if (failure) throw failure;
    const chunks = written;
    written = [];
    return { chunks, share: size === 0 ? 1 : read / size };
  };
  for (const { name, chunks } of files) {
    const entry = name.endsWith('.safetensors') ? new ZipPassThrough(name) : new ZipDeflate(name);
    entry.mtime = modified;
    zip.add(entry);
    for (const chunk of chunks) {
      entry.push(chunk);
      read += chunk.length;
      yield step();
    }
    entry.push(new Uint8Array(0), true);
  }
  zip.end();
  yield step();
}

/** The same at once, as chunks to be written one after the other. @throws ModelFileError as zipSteps */
export function zipChunks(files: readonly NamedFile[], modified?: Date): Uint8Array<ArrayBuffer>[] {
  return [...zipSteps(files, modified)].flatMap(({ chunks }) => chunks);
}
