// A second pair of operands and a matrix of blocks (gemmParams.wgsl), read four numbers at a time as gemmOperands.wgsl reads the first pair.
//
// VECTOR_MORE_A, VECTOR_MORE_B: rows can be read in whole vectors, as VECTOR_A and VECTOR_B say it; of blocks: rank is a multiple of four.

override VECTOR_MORE_A: bool = true;
override VECTOR_MORE_B: bool = true;

@group(0) @binding(3) var<storage, read> moreA: array<vec4f>;
@group(0) @binding(7) var<storage, read> moreB: array<vec4f>;

fn elementMoreA(index: u32) -> f32 {
  return moreA[index >> 2u][index & 3u];
}

fn elementMoreB(index: u32) -> f32 {
  return moreB[index >> 2u][index & 3u];
}

/// The same as loadA, of moreA.
fn loadMoreA(row: u32, column: u32, rows: u32, columns: u32) -> vec4f {
  let index = params.offsetMoreA + row * params.strideMoreA + column;
  if (VECTOR_MORE_A) {
    return select(vec4f(), moreA[index >> 2u], row < rows && column < columns);
  }
  let value = vec4f(elementMoreA(index), elementMoreA(index + 1u), elementMoreA(index + 2u), elementMoreA(index + 3u));
  return select(vec4f(), value, inside(row, column, rows, columns));
}

/// The same as loadB, of moreB.
fn loadMoreB(row: u32, column: u32, rows: u32, columns: u32) -> vec4f {
  if (MORE_BLOCKS) {
    return loadBlocks(row, column, rows);
  }
  let index = params.offsetMoreB + row * params.strideMoreB + column;
  if (VECTOR_MORE_B) {
    return select(vec4f(), moreB[index >> 2u], row < rows && column < columns);
  }
  let value = vec4f(elementMoreB(index), elementMoreB(index + 1u), elementMoreB(index + 2u), elementMoreB(index + 3u));
  return select(vec4f(), value, inside(row, column, rows, columns));
}

/// Four numbers of a stored row of blocks, which begins at element `start` of moreB; zeros outside columns first … first + rank − 1 of
/// the matrix of blocks.
fn loadBlockRow(start: u32, column: u32, first: u32) -> vec4f {
  let index = start + column - first;
  let end = first + params.rank;
  if (VECTOR_MORE_B) {
    return select(vec4f(), moreB[index >> 2u], column >= first && column < end);
  }
  let value = vec4f(elementMoreB(index), elementMoreB(index + 1u), elementMoreB(index + 2u), elementMoreB(index + 3u));
  let columns = vec4u(column, column + 1u, column + 2u, column + 3u);
  return select(vec4f(), value, (columns >= vec4u(first)) & (columns < vec4u(end)));
}

/// Four neighbours of a row of the matrix of blocks; zeros outside `rows`.
fn loadBlocks(row: u32, column: u32, rows: u32) -> vec4f {
  let place = blockRow(row);
  return select(vec4f(), loadBlockRow(place.y * params.rank, column, place.x * params.rank), row < rows && place.x < 3u);
}

/// The same of a row of one block, which blockAt describes; zeros outside the block.
fn loadBlock(row: u32, column: u32, block: vec4u) -> vec4f {
  let start = (block.z + row - block.x) * params.rank;
  return select(vec4f(), loadBlockRow(start, column, block.w), row >= block.x && row < block.y);
}
