import type { BlockType } from './blockType.ts';
import { BLOCKS_OF_256 } from './blocksOf256.ts';
import { BLOCKS_OF_32 } from './blocksOf32.ts';

/** ggml's types whose numbers lie in blocks, by name, as far as they are read. */
const BLOCK_TYPES: Readonly<Record<string, BlockType>> = { ...BLOCKS_OF_32, ...BLOCKS_OF_256 };

export const BLOCK_TYPE_NAMES: readonly string[] = Object.keys(BLOCK_TYPES);

/** Undefined for a type that has no blocks, or is not read. */
export function blockType(name: string): BlockType | undefined {
  return Object.hasOwn(BLOCK_TYPES, name) ? BLOCK_TYPES[name] : undefined;
}
