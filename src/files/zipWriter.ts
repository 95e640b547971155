import { deflateSync } from 'fflate';
import { ModelFileError } from './byteSource.ts';
import { crc32 } from './crc32.ts';
import { concatenated } from './safetensors.ts';

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

const STORED = 0;
const DEFLATED = 8;
/** Names are UTF-8. */
const FLAGS = 0x800;
/** The zip format without its 64-bit extension. */
const MOST_BYTES = 0xffffffff;
const MOST_FILES = 0xffff;

/**
 * A zip file as chunks to be written one after the other. Texts are deflated; weights, which hardly shrink, are stored and
 * their chunks handed on without a copy.
 * @param modified shown by unpackers as the time of every file.
 * @throws ModelFileError when the whole would not fit into a zip file (4 GB).
 */
export function zipChunks(files: readonly NamedFile[], modified = new Date()): Uint8Array<ArrayBuffer>[] {
  if (files.length > MOST_FILES) throw new ModelFileError(`A zip file holds at most ${MOST_FILES} files.`);
  const time = dosTime(modified);
  const result: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  const put = (chunk: Uint8Array<ArrayBuffer>): void => {
    result.push(chunk);
    offset += chunk.length;
    if (offset > MOST_BYTES)
      throw new ModelFileError('The files have more than 4 GB together, which a zip file cannot hold.');
  };
  for (const { name, chunks } of files) {
    const path = new TextEncoder().encode(name);
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const method = name.endsWith('.safetensors') ? STORED : DEFLATED;
    const packed = method === STORED ? chunks : [deflateSync(concatenated(chunks))];
    const packedSize = packed.reduce((sum, chunk) => sum + chunk.length, 0);
    if (size > MOST_BYTES) throw new ModelFileError(`${name} has more than 4 GB, which a zip file cannot hold.`);
    // Version, flags, method, time, checksum, sizes, lengths of name and extra field: the same in both records.
    const common = bytes([2, 20], [2, FLAGS], [2, method], [4, time], [4, crc32(chunks)], [4, packedSize], [4, size], [2, path.length], [2, 0]); // prettier-ignore
    // Made by version 2.0; after the common part: comment, disk, attributes, place of the local record.
    directory.push(bytes([4, 0x02014b50], [2, 20]), common, bytes([2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), path);
    put(bytes([4, 0x04034b50]));
    put(common);
    put(path);
    for (const chunk of packed) put(chunk);
  }
  const begin = offset;
  for (const record of directory) put(record);
  const count = files.length;
  put(bytes([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, offset - begin], [4, begin], [2, 0]));
  return result;
}

/** Little-endian whole numbers of 2 or 4 bytes. */
function bytes(...fields: readonly (readonly [2 | 4, number])[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(result.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return result;
}

/** Date and time of day as MS-DOS packs them: years since 1980, and every other second. */
function dosTime(date: Date): number {
  const year = Math.min(2107, Math.max(1980, date.getFullYear()));
  const day = ((year - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}
