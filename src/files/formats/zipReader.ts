import { quoted } from '../../base/quote.ts';
import { Inflate } from 'fflate';
import { byteText } from './byteText.ts';
import { sniff } from './sniff.ts';
import { memorySource, ModelFileError, type ByteSource, type FileLookup } from './byteSource.ts';

/** How much a zip file may unpack to: an archive of a few kilobytes can otherwise ask for all memory. */
export interface ZipLimits {
  readonly files: number;
  /** All files together, unpacked. */
  readonly bytes: number;
  /** One file of anything but weights (*.safetensors), unpacked. */
  readonly textBytes: number;
}

const DEFAULT_LIMITS: ZipLimits = { files: 1000, bytes: 2 ** 30, textBytes: 8 * 2 ** 20 };

const END_RECORD = 0x06054b50;
const DIRECTORY_RECORD = 0x02014b50;
const LOCAL_RECORD = 0x04034b50;
const END_BYTES = 22;
const DIRECTORY_BYTES = 46;
const LOCAL_BYTES = 30;
/** Deflate cannot pack better than this. */
const BEST_RATIO = 1032;
/** Packed bytes inflated at once: what they give is checked before the next. */
const STEP = 1 << 14;
/** Steps that may give nothing: a stored block of 64 KB takes four. More are no file but a trap for time. */
const MOST_IDLE_STEPS = 8;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly checksum: number;
  readonly packedSize: number;
  readonly size: number;
  readonly offset: number;
}

/** The files of a zip file, unpacked when they are asked for. */
export interface ZipFolder {
  readonly names: readonly string[];
  readonly files: FileLookup;
}

/**
 * Opens a zip file. Its directory is checked before anything is unpacked, each file's length and checksum when it is. The
 * library inflates; the directory is read here, since the library's own reader tells neither checksums nor what is encrypted.
 * @throws ModelFileError when it is cut short, damaged, encrypted, larger than the limits, or names files outside of itself.
 */
export function openZip(archive: Uint8Array, own: Partial<ZipLimits> = {}): ZipFolder {
  const limits = { ...DEFAULT_LIMITS, ...own };
  const entries = new Map<string, Entry>();
  let total = 0;
  for (const entry of directory(archive, limits)) {
    // Finder puts its own notes beside the files.
    if (entry.name.endsWith('/') || entry.name.startsWith('__MACOSX/')) continue;
    if (entries.has(entry.name)) throw new ModelFileError(`The zip file holds ${quoted(entry.name)} twice.`);
    total += entry.size;
    if (total > limits.bytes)
      throw new ModelFileError(
        `The zip file unpacks to more than ${byteText(limits.bytes)}, which is more than is read.`,
      );
    entries.set(entry.name, entry);
  }
  const unpacked = new Map<string, Uint8Array>();
  return {
    names: [...entries.keys()],
    // A damaged file is a rejected promise, not an exception at the call.
    // eslint-disable-next-line @typescript-eslint/require-await
    files: async (name) => {
      const entry = entries.get(name);
      if (!entry) return undefined;
      if (!name.endsWith('.safetensors') && entry.size > limits.textBytes)
        throw new ModelFileError(
          `${quoted(name)} in the zip file unpacks to ${byteText(entry.size)}; of files that are no weights at most ${byteText(limits.textBytes)} are read.`,
        );
      const bytes = unpacked.get(name) ?? unpack(archive, entry);
      unpacked.set(name, bytes);
      return memorySource(name, bytes);
    },
  };
}

/** No more than this of a zip file is taken into memory: what it holds may not be larger, and packing makes nothing longer. */
const MOST_PACKED_BYTES = DEFAULT_LIMITS.bytes + 2 ** 20;

/**
 * The bytes of a zip file, for openZip.
 * @throws ModelFileError when it does not begin as one, or is larger than any that is read. Then hardly any of it was read.
 */
export async function readZip(source: ByteSource): Promise<Uint8Array> {
  if (!looksLikeZip(await source.read(0, Math.min(4, source.size)))) {
    const mistaken = await sniff(source);
    throw new ModelFileError(
      mistaken === undefined
        ? `${source.name} is no zip file. Choose the zip that was exported, or a whole PEFT folder.`
        : `${source.name} ${mistaken}`,
    );
  }
  if (source.size > MOST_PACKED_BYTES)
    throw new ModelFileError(
      `${source.name} has ${byteText(source.size)}; zip files of at most ${byteText(MOST_PACKED_BYTES)} are read. Unpack it, and choose the folder.`,
    );
  return source.read(0, source.size);
}

/** Whether a file begins as a zip file does. */
function looksLikeZip(first: Uint8Array): boolean {
  return (
    first[0] === 0x50 && first[1] === 0x4b && ((first[2] === 3 && first[3] === 4) || (first[2] === 5 && first[3] === 6))
  );
}

function* directory(archive: Uint8Array, limits: ZipLimits): Generator<Entry, void, void> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || size === 0xffffffff || at === 0xffffffff)
    throw new ModelFileError('This zip file is of the 64-bit kind (over 4 GB), which is not read.');
  if (count > limits.files)
    throw new ModelFileError(`The zip file holds ${count} files; at most ${limits.files} are read.`);
  if (at + size > end) throw damaged('its directory lies beyond its end');
  const until = at + size;
  for (let i = 0; i < count; i++) {
    if (at + DIRECTORY_BYTES > until || view.getUint32(at, true) !== DIRECTORY_RECORD)
      throw damaged('its directory is broken');
    const flags = view.getUint16(at + 8, true);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const next = at + DIRECTORY_BYTES + (nameBytes ?? 0) + (extraBytes ?? 0) + (commentBytes ?? 0);
    if (next > until) throw damaged('its directory is broken');
    const nameAt = at + DIRECTORY_BYTES;
    const name = checkedName(archive.subarray(nameAt, nameAt + (nameBytes ?? 0)));
    const entry = {
      name,
      method: view.getUint16(at + 10, true),
      checksum: view.getUint32(at + 16, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    if (flags & 1)
      throw new ModelFileError(`${quoted(name)} in the zip file is encrypted. Pack it without a password.`);
    if (entry.method !== 0 && entry.method !== 8)
      throw new ModelFileError(
        `${quoted(name)} is packed by method ${entry.method}; stored and deflated files are read.`,
      );
    if (entry.method === 0 ? entry.size !== entry.packedSize : entry.size > entry.packedSize * BEST_RATIO)
      throw damaged(`${quoted(name)} cannot have ${entry.size} bytes`);
    yield entry;
    at = next;
  }
}

/** The end record is the last of the file, but for a comment of at most 65,535 bytes. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--)
    if (view.getUint32(at, true) === END_RECORD && at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength)
      return at;
  throw new ModelFileError('This is not a zip file, or it is cut short: it has no directory at its end.');
}

/** A path may lead into the archive's own folders only. */
function checkedName(path: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true }).decode(path);
  } catch {
    throw damaged('a file name in it is no UTF-8');
  }
  const hostile = name === '' || /^\/|^[A-Za-z]:|\\|\0/.test(name) || name.split('/').some((part) => part === '..');
  if (hostile)
    throw new ModelFileError(`The zip file names ${quoted(name)}, which lies outside of it. Nothing of it is read.`);
  return name;
}

function damaged(detail: string): ModelFileError {
  return new ModelFileError(`The zip file is damaged: ${detail}. Download or pack it again.`);
}

function unpack(archive: Uint8Array, entry: Entry): Uint8Array {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const { offset, packedSize } = entry;
  if (offset + LOCAL_BYTES > archive.length || view.getUint32(offset, true) !== LOCAL_RECORD)
    throw damaged(`${quoted(entry.name)} is not where its directory says`);
  const begin = offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (begin + packedSize > archive.length) throw damaged(`${quoted(entry.name)} is cut short`);
  const packed = archive.subarray(begin, begin + packedSize);
  const bytes = entry.method === 0 ? packed : inflate(packed, entry);
  if (crc32(bytes) !== entry.checksum) throw damaged(`the checksum of ${quoted(entry.name)} is wrong`);
  return bytes;
}

function inflate(packed: Uint8Array, { name, size }: Entry): Uint8Array {
  const result = new Uint8Array(size);
  let at = 0;
  let idle = 0;
  const stream = new Inflate((chunk) => {
    idle = chunk.length > 0 ? 0 : idle + 1;
    if (idle > MOST_IDLE_STEPS) throw damaged(`${quoted(name)} is followed by what does not belong to it`);
    if (at + chunk.length > size) throw damaged(`${quoted(name)} is longer than its directory says`);
    result.set(chunk, at);
    at += chunk.length;
  });
  try {
    for (let begin = 0; begin < packed.length; begin += STEP)
      stream.push(packed.subarray(begin, begin + STEP), begin + STEP >= packed.length);
  } catch (cause) {
    if (cause instanceof ModelFileError) throw cause;
    throw damaged(`${quoted(name)} cannot be unpacked`);
  }
  if (at !== size) throw damaged(`${quoted(name)} is shorter than its directory says`);
  return result;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as zip files hold it (ISO 3309, polynomial 0xedb88320 reflected). */
function crc32(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) state = (state >>> 8) ^ (CRC_TABLE[(state ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  return (state ^ 0xffffffff) >>> 0;
}
