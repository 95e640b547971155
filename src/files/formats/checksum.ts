import { bytesToHex } from '@noble/hashes/utils.js';
import type { ByteSource } from './byteSource.ts';
import {
  concatenated,
  safetensorsChunks,
  SafetensorsError,
  type SafetensorsHeader,
  type TensorToStore,
} from './safetensors.ts';

/** Bytes hashed at a time. Part of what a checksum means: pieces of another size give another one. */
const PIECE_BYTES = 4 * 2 ** 20;
/** Under this name the metadata of a safetensors file holds its checksum. Other programs pass over it. */
const KEY = 'revela_checksum';
const BLANK = '0'.repeat(64);

/**
 * A checksum of bytes that come in chunks of any size: the SHA-256 of the SHA-256s of every 4 MiB. The platform's own
 * SHA-256 is five times as fast as one in JavaScript and leaves this thread free, but takes whole buffers only.
 */
export class Checksum {
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  readonly #digests: Uint8Array[] = [];

  /** The bytes must stay as they are until this resolves and, the last 4 MiB of them, until hex() has. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + PIECE_BYTES - this.#pendingBytes);
      this.#pending.push(part);
      this.#pendingBytes += part.length;
      at += part.length;
      if (this.#pendingBytes === PIECE_BYTES) await this.#digestPending();
    }
  }

  /** 64 digits. Nothing can be added afterwards. */
  async hex(): Promise<string> {
    await this.#digestPending();
    return bytesToHex(await sha256(concatenated(this.#digests)));
  }

  async #digestPending(): Promise<void> {
    const [first, ...others] = this.#pending;
    if (!first) return;
    this.#digests.push(await sha256(others.length === 0 ? first : concatenated(this.#pending)));
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

/** The checksum of a text in UTF-8. */
export async function textChecksum(text: string): Promise<string> {
  const checksum = new Checksum();
  await checksum.add(new TextEncoder().encode(text));
  return checksum.hex();
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}

/**
 * A safetensors file with its checksum, as safetensorsChunks gives it. The checksum is that of the whole file, with zeros
 * where its own digits stand: so the metadata is covered as well as the numbers.
 */
export async function sealedChunks(
  tensors: readonly TensorToStore[],
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const chunks = safetensorsChunks(tensors, { ...metadata, [KEY]: BLANK });
  const checksum = new Checksum();
  for (const chunk of chunks) await checksum.add(chunk);
  const [header = new Uint8Array()] = chunks;
  header.set(new TextEncoder().encode(await checksum.hex()), digitsAt(header));
  return chunks;
}

/** The metadata that the writer gave, without the checksum. */
export function withoutSeal({ metadata }: SafetensorsHeader): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== KEY));
}

/** Whether a file holds a checksum: those of other programs, and older ones, have none. */
export function isSealed({ metadata }: SafetensorsHeader): boolean {
  return Object.hasOwn(metadata, KEY);
}

/**
 * Compares a file with the checksum in it, where there is one. Reads the file once, 4 MiB at a time.
 * @throws SafetensorsError when it is another file than was written.
 */
export async function verifySeal(source: ByteSource, header: SafetensorsHeader): Promise<void> {
  if (!isSealed(header)) return;
  const first = (await source.read(0, header.dataOffset)).slice();
  const at = digitsAt(first);
  if (at >= 0) first.set(new TextEncoder().encode(BLANK), at);
  const checksum = new Checksum();
  await checksum.add(first);
  for (let begin = header.dataOffset; begin < source.size; begin += PIECE_BYTES)
    await checksum.add(await source.read(begin, Math.min(begin + PIECE_BYTES, source.size)));
  if ((await checksum.hex()) !== header.metadata[KEY])
    throw new SafetensorsError(
      `${source.name} is damaged: its checksum is not that of its content, so some of it has changed since it was written. Use another copy.`,
    );
}

/**
 * Where the digits stand in a header, in bytes; -1 where they do not. Quotes within a text are escaped in JSON, so that no
 * other text looks like this.
 */
function digitsAt(header: Uint8Array): number {
  const begin = `"${KEY}":"`;
  const at = new TextDecoder('latin1').decode(header).lastIndexOf(begin);
  return at < 0 || at + begin.length + BLANK.length > header.length ? -1 : at + begin.length;
}
