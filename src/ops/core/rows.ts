import type { Runtime } from './runtime.ts';
import type { Tensor } from './tensor.ts';

/** Tile heights that attention kernels work with. */
export const TILE_SIZES = [16, 32] as const;
export type TileSize = (typeof TILE_SIZES)[number];

/** Every row cut into tiles of `size` tokens, the last of a row perhaps cut short; a kernel takes a workgroup for each. */
export interface RowTiles {
  readonly size: TileSize;
  /** Number of tiles. */
  readonly count: number;
  /** Per tile (first token of its row in T, length of the row, first token of the tile in the row, row): u32 [count, 4]. */
  readonly tensor: Tensor;
}

/** Where something stands in a row: its tokens first … end − 1, counted from the row's own first. */
export type RowSpan = readonly [first: number, end: number];

/**
 * B rows of token ids of different length, laid end to end without padding: token t of row i lies at starts[i] + t. Every
 * per-token tensor is [T, …] with T the sum of the lengths, so no work and no memory goes to padding.
 */
export interface Rows {
  /** B. */
  readonly count: number;
  /** T. */
  readonly tokens: number;
  readonly lengths: readonly number[];
  /** Index of each row's first token, and T at the end: B + 1 numbers. */
  readonly starts: readonly number[];
  readonly longest: number;
  /** The same as `starts`, on the GPU: u32 [B + 1]. */
  readonly startsTensor: Tensor;
  /** Row of each token: u32 [T]. */
  readonly rowOfToken: Tensor;
  /** Position of each token in its row, from 0: u32 [T]. */
  readonly positions: Tensor;
  /** First token in T and the one behind the last of what was named as each row's content: u32 [B, 2]; undefined where nothing was. */
  readonly contentTensor: Tensor | undefined;
  /** Uploaded together with the rest, because an upload in the middle of a step would end its compute pass. */
  readonly tiles: Readonly<Record<TileSize, RowTiles>>;
}

/**
 * Lays out rows of the given lengths.
 * @param content the part of each row that pooling `content` reads. @throws Error for no rows, an empty row or a span outside its row.
 */
export function makeRows(runtime: Runtime, lengths: readonly number[], content?: readonly RowSpan[]): Rows {
  if (lengths.length === 0 || lengths.some((length) => length < 1))
    throw new Error('A batch needs at least one chunk, and every chunk at least one token.');
  const starts = [0];
  for (const length of lengths) starts.push((starts.at(-1) ?? 0) + length);
  const tokens = starts.at(-1) ?? 0;
  const rowOfToken = new Uint32Array(tokens);
  const positions = new Uint32Array(tokens);
  let token = 0;
  lengths.forEach((length, row) => {
    for (let t = 0; t < length; t++) {
      rowOfToken[token] = row;
      positions[token++] = t;
    }
  });
  return {
    count: lengths.length,
    tokens,
    lengths,
    starts,
    longest: Math.max(...lengths),
    startsTensor: runtime.fromArray(new Uint32Array(starts), [starts.length]),
    rowOfToken: runtime.fromArray(rowOfToken, [tokens]),
    positions: runtime.fromArray(positions, [tokens]),
    contentTensor: content && makeSpans(runtime, lengths, starts, content),
    tiles: { 16: makeTiles(runtime, lengths, starts, 16), 32: makeTiles(runtime, lengths, starts, 32) },
  };
}

function makeTiles(runtime: Runtime, lengths: readonly number[], starts: readonly number[], size: TileSize): RowTiles {
  const tiles: number[] = [];
  lengths.forEach((length, row) => {
    for (let first = 0; first < length; first += size) tiles.push(starts[row] ?? 0, length, first, row);
  });
  const count = tiles.length / 4;
  return { size, count, tensor: runtime.fromArray(new Uint32Array(tiles), [count, 4]) };
}

/** Spans of rows as places in T. */
function makeSpans(
  runtime: Runtime,
  lengths: readonly number[],
  starts: readonly number[],
  spans: readonly RowSpan[],
): Tensor {
  if (spans.length !== lengths.length) throw new Error(`${spans.length} spans do not fit ${lengths.length} rows.`);
  const places = spans.flatMap(([first, end], row) => {
    const length = lengths[row] ?? 0;
    if (!(first >= 0 && first < end && end <= length))
      throw new Error(`Tokens ${first} to ${end} are no part of a row of ${length}.`);
    return [(starts[row] ?? 0) + first, (starts[row] ?? 0) + end];
  });
  return runtime.input(Uint32Array.from(places), [spans.length, 2]);
}
