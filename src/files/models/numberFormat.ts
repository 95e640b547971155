import { fromBf16, fromF16 } from '../../ops/core/halfPrecision.ts';
import type { DType } from '../../ops/core/tensor.ts';
import { firstNonFiniteBlock, unpackBlocks } from '../formats/gguf/blockType.ts';
import { blockType } from '../formats/gguf/blockTypes.ts';
import { SafetensorsError } from '../formats/safetensors.ts';
import { firstNonFinite } from './finite.ts';

/** How numbers of a checkpoint lie in its file. */
export interface NumberFormat {
  /** Numbers of a block, which can be read by itself: 1 in the formats without blocks. */
  readonly blockNumbers: number;
  readonly blockBytes: number;
  /** The same bytes as a tensor on the GPU; undefined for blocks, which no kernel reads. */
  readonly dtype: DType | undefined;
  /** Whole blocks as f32, exactly. */
  toFloats(bytes: Uint8Array): Float32Array<ArrayBuffer>;
  /** Place of the first number that is NaN or infinite (in blocks: of the first number of its block), or −1. */
  firstNonFinite(bytes: Uint8Array): number;
}

/** The numbers at multiples of their size, in a copy of their own. */
const words = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer;

const PLAIN: Readonly<Record<string, NumberFormat>> = {
  F32: plain('F32', 4, 'f32', (bytes) => new Float32Array(words(bytes))),
  BF16: plain('BF16', 2, 'bf16', (bytes) => fromBf16(new Uint16Array(words(bytes)))),
  F16: plain('F16', 2, 'f16', (bytes) => fromF16(new Uint16Array(words(bytes)))),
};

function plain(name: string, blockBytes: number, dtype: DType, toFloats: NumberFormat['toFloats']): NumberFormat {
  return { blockNumbers: 1, blockBytes, dtype, toFloats, firstNonFinite: (bytes) => firstNonFinite(name, bytes) };
}

/**
 * The format that safetensors or GGUF calls `dtype`.
 * @param name the tensor, for the message. @throws SafetensorsError for a format that holds no weights.
 */
export function numberFormat(name: string, dtype: string): NumberFormat {
  const found = knownFormat(dtype);
  if (!found)
    throw new SafetensorsError(`Tensor ${name} is stored as ${dtype}; weights are read from F32, F16 and BF16.`);
  return found;
}

/** The same; undefined for a format that holds no weights. */
export function knownFormat(dtype: string): NumberFormat | undefined {
  return Object.hasOwn(PLAIN, dtype) ? PLAIN[dtype] : inBlocks(dtype);
}

function inBlocks(dtype: string): NumberFormat | undefined {
  const type = blockType(dtype);
  return (
    type && {
      blockNumbers: type.numbers,
      blockBytes: type.bytes,
      dtype: undefined,
      toFloats: (bytes) => unpackBlocks(type, bytes),
      firstNonFinite: (bytes) => firstNonFiniteBlock(type, bytes),
    }
  );
}

/** Bytes of `numbers` numbers, in whole blocks. */
export function formatBytes({ blockNumbers, blockBytes }: NumberFormat, numbers: number): number {
  return (numbers / blockNumbers) * blockBytes;
}
