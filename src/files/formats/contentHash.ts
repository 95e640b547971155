import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** `gitBlob`: git's name of a file, sha1("blob " + length + NUL + bytes), which the hub gives for small files. */
export interface FileHash {
  readonly algorithm: 'sha256' | 'gitBlob';
  /** Lower case. */
  readonly hex: string;
}

const DIGITS = { sha256: 64, gitBlob: 40 } as const;

/** Whether `value`, from anywhere, is a hash of one of the two kinds. */
export function isFileHash(value: unknown): value is FileHash {
  if (typeof value !== 'object' || value === null) return false;
  const { algorithm, hex } = value as Record<string, unknown>;
  if (algorithm !== 'sha256' && algorithm !== 'gitBlob') return false;
  return typeof hex === 'string' && hex.length === DIGITS[algorithm] && /^[0-9a-f]*$/.test(hex);
}

export function sameHash(a: FileHash | undefined, b: FileHash | undefined): boolean {
  return a?.algorithm === b?.algorithm && a?.hex === b?.hex;
}

/** The hash of a file that comes in pieces; `size`, its whole length in bytes, is part of git's. */
export class ContentHash {
  readonly #algorithm: FileHash['algorithm'];
  readonly #state: { update(bytes: Uint8Array): unknown; digest(): Uint8Array };

  constructor(algorithm: FileHash['algorithm'], size: number) {
    this.#algorithm = algorithm;
    this.#state = algorithm === 'sha256' ? sha256.create() : sha1.create();
    if (algorithm === 'gitBlob') this.#state.update(new TextEncoder().encode(`blob ${size}\0`));
  }

  update(bytes: Uint8Array): void {
    this.#state.update(bytes);
  }

  /** Ends the hash: nothing can be added afterwards. */
  finish(): FileHash {
    return { algorithm: this.#algorithm, hex: bytesToHex(this.#state.digest()) };
  }
}
