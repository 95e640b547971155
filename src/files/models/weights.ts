import type { StoredTensor } from '../formats/safetensors.ts';

/** Tensors of a checkpoint, over all its files. */
export interface WeightFile {
  readonly names: readonly string[];
  get(name: string): StoredTensor | undefined;
  /** Raw bytes of a stretch of a tensor, in its own number format; `begin` and `end` count bytes within the tensor. */
  readBytes(name: string, begin?: number, end?: number): Promise<Uint8Array>;
  /** A whole tensor as f32. */
  readFloats(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** Of all its files. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Compares each file with the checksum in it, where there is one. @throws SafetensorsError when it was changed. */
  verify(): Promise<void>;
}
