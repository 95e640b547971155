import { BadInputError } from '../../base/errors.ts';
import { byteText } from './byteText.ts';
import { mistakenFor } from './sniff.ts';

/** A file that can be read in pieces: on disk, in the browser, or behind a server. */
export interface ByteSource {
  readonly name: string;
  readonly size: number;
  /** Bytes [begin, end). */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** Files of a model folder, by name; undefined where there is none of that name. */
export type FileLookup = (name: string) => Promise<ByteSource | undefined>;

export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return { name, size: bytes.length, read: (begin, end) => Promise.resolve(bytes.subarray(begin, end)) };
}

/** A file chosen or dropped in the browser. */
export function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (begin, end) => new Uint8Array(await blob.slice(begin, end).arrayBuffer()),
  };
}

/** A missing or unreadable file of a model folder. */
export class ModelFileError extends BadInputError {
  override readonly name = 'ModelFileError';
}

/** The largest tokenizer.json, of a quarter of a million tokens, has about 35 MB: what is far longer is something else. */
const MOST_JSON_BYTES = 128 * 2 ** 20;

/** @throws ModelFileError when the file is missing, not JSON, or longer than any that belongs to a model. */
export async function readJson(files: FileLookup, name: string): Promise<unknown> {
  const source = await files(name);
  if (!source) throw new ModelFileError(`The folder has no ${name}.`);
  if (source.size > MOST_JSON_BYTES)
    throw new ModelFileError(
      `${name} has ${byteText(source.size)}; no file of a model that is not weights is longer than ${byteText(MOST_JSON_BYTES)}.`,
    );
  const bytes = await source.read(0, source.size);
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const mistaken = mistakenFor(bytes);
    if (mistaken !== undefined) throw new ModelFileError(`${name} ${mistaken}`);
    throw new ModelFileError(`${name} is not readable JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
