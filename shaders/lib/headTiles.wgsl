// Tiles of attention scores as small register-blocked matrix products, for heads of any even size.
//
// A tile has ROWS rows and TILE columns. 2 · ROWS threads; thread (down, across), across < 8, owns the four tile rows
// 4·down … 4·down + 3 in every phase, and
//   - in a block of scores the tile columns across, across + 8, …: each column is one vec4, lane = row;
//   - in a product with head vectors the vector `across` of each slab, for its four rows.
// A row's running numbers (maximum, divisor, …) therefore stay in the registers of the threads that own the row.
// Head vectors pass through workgroup memory in slabs of 8 vectors of four, so the memory needed does not depend on the
// head's size: 15.5 KiB with ROWS = 64, TILE = 32. The odd strides keep the eight threads of a row on different banks.
//
// Where GROUP query heads share a KV head, rows may be tokens and heads: row r is head r % GROUP of the group and token r / GROUP
// (groupRows). What is read of keys and values then serves all heads of a tile, and a tile is filled to its end also where rows
// of text are short. No number of a row depends on which others are in its tile.
//
// The kernel that includes this sets `thread` first and says where numbers are, two by two, because a head of even size
// starts at an even number:   fn numbers(source: u32, pair: u32) -> vec2f

//!include acrossRows

override HEAD_DIM: u32;
override TILE: u32; // 16 or 32
override ROWS: u32 = TILE; // the same, or twice as many
override GROUP: u32 = 1u;
override THREADS: u32 = 2u * ROWS;
override COLUMNS: u32 = TILE / 8u;
override VECTORS: u32 = (HEAD_DIM + 3u) / 4u; // vectors of four in a head, the last one filled up with zeros
override SLABS: u32 = (VECTORS + 7u) / 8u;
override SLAB_DEPTH: u32 = min(8u, VECTORS);
override WEIGHT_STRIDE: u32 = ROWS / 4u + 1u;
const ACROSS = 8u;
const SLAB_STRIDE = 9u;
const LOWEST = -1e30; // below every score

var<private> thread: u32;
/// A slab of the rows' vectors while scores are formed; then [tile column][four tile rows], the factors of the next product with head vectors.
var<workgroup> left: array<vec4f, max(ROWS * SLAB_STRIDE, TILE * WEIGHT_STRIDE)>;
var<workgroup> rightSlab: array<vec4f, TILE * SLAB_STRIDE>;

// Both are spelt out member by member: an array that is indexed as a program runs need not stay in registers.

/// Scores of the thread's four rows (lanes) in its columns: two with TILE = 16, four with 32.
struct Block { column0: vec4f, column1: vec4f, column2: vec4f, column3: vec4f }
/// The thread's vector of each slab, for its four rows (matrix columns). Heads have at most 8 slabs of 32 numbers.
struct HeadBlock {
  slab0: mat4x4f, slab1: mat4x4f, slab2: mat4x4f, slab3: mat4x4f,
  slab4: mat4x4f, slab5: mat4x4f, slab6: mat4x4f, slab7: mat4x4f,
}

/// Vectors of consecutive tokens, of one head or of a group.
struct HeadRows {
  source: u32,
  first: u32, // where the first vector begins, in pairs of numbers
  stride: u32, // from token to token, in pairs of numbers
  count: u32, // rows there are; rows beyond read as zero
  before: u32, // rows of a group before these; of one head ONE_HEAD
}

const ONE_HEAD = 0xffffffffu;

/// Of one head, from `token` on.
fn headRows(source: u32, token: u32, count: u32, head: u32, heads: u32) -> HeadRows {
  let stride = heads * HEAD_DIM / 2u;
  return HeadRows(source, token * stride + head * HEAD_DIM / 2u, stride, count, ONE_HEAD);
}

/// Of the group of a KV head: `count` rows from row `before` on, counted from the first token of a chunk, which is `token`.
fn groupRows(source: u32, token: u32, before: u32, count: u32, kvHead: u32, heads: u32) -> HeadRows {
  let stride = heads * HEAD_DIM / 2u;
  return HeadRows(source, token * stride + kvHead * GROUP * HEAD_DIM / 2u, stride, count, before);
}

/// Where a row's vector begins, in pairs of numbers.
fn placeOf(rows: HeadRows, row: u32) -> u32 {
  if (rows.before == ONE_HEAD) {
    return rows.first + row * rows.stride;
  }
  let r = rows.before + row;
  return rows.first + r / GROUP * rows.stride + r % GROUP * HEAD_DIM / 2u;
}

/// The thread's four tile rows.
fn tileRows() -> vec4u { return vec4u(thread / 8u * 4u) + vec4u(0u, 1u, 2u, 3u); }

fn tileRow(r: u32) -> u32 { return thread / 8u * 4u + r; }

/// The thread's tile column number n; of a slab n, its vector.
fn tileColumn(n: u32) -> u32 { return thread % 8u + 8u * n; }

/// Numbers 4·vector … 4·vector + 3 of a head vector; zeros past its end and past the last row.
fn headVector(rows: HeadRows, row: u32, vector: u32) -> vec4f {
  if (row >= rows.count || vector >= VECTORS) {
    return vec4f();
  }
  let pair = placeOf(rows, row) + 2u * vector;
  var value = vec4f(numbers(rows.source, pair), 0.0, 0.0);
  if (4u * vector + 2u < HEAD_DIM) {
    value = vec4f(value.xy, numbers(rows.source, pair + 1u));
  }
  return value;
}

/// ⟨own row, other column⟩ for the thread's rows and columns.
fn scores(own: HeadRows, other: HeadRows) -> Block {
  var block: Block;
  for (var slab = 0u; slab < SLABS; slab++) {
    workgroupBarrier(); // the last slab has been read
    for (var i = thread; i < ROWS * 8u; i += THREADS) {
      left[i / 8u * SLAB_STRIDE + i % 8u] = headVector(own, i / 8u, 8u * slab + i % 8u);
    }
    for (var i = thread; i < TILE * 8u; i += THREADS) {
      rightSlab[i / 8u * SLAB_STRIDE + i % 8u] = headVector(other, i / 8u, 8u * slab + i % 8u);
    }
    workgroupBarrier();
    let first = thread / 8u * 4u * SLAB_STRIDE;
    for (var d = 0u; d < SLAB_DEPTH; d++) {
      let rows = mat4x4f(
        left[first + d],
        left[first + SLAB_STRIDE + d],
        left[first + 2u * SLAB_STRIDE + d],
        left[first + 3u * SLAB_STRIDE + d],
      );
      block.column0 += rightSlab[tileColumn(0u) * SLAB_STRIDE + d] * rows;
      block.column1 += rightSlab[tileColumn(1u) * SLAB_STRIDE + d] * rows;
      if (COLUMNS > 2u) {
        block.column2 += rightSlab[tileColumn(2u) * SLAB_STRIDE + d] * rows;
        block.column3 += rightSlab[tileColumn(3u) * SLAB_STRIDE + d] * rows;
      }
    }
  }
  return block;
}

/// before[row] + Σ_column block[row][column] · vectors[column], over the whole tile.
fn addProduct(before: HeadBlock, block: Block, vectors: HeadRows) -> HeadBlock {
  workgroupBarrier(); // the last product has been formed
  let place = thread / 8u;
  left[tileColumn(0u) * WEIGHT_STRIDE + place] = block.column0;
  left[tileColumn(1u) * WEIGHT_STRIDE + place] = block.column1;
  if (COLUMNS > 2u) {
    left[tileColumn(2u) * WEIGHT_STRIDE + place] = block.column2;
    left[tileColumn(3u) * WEIGHT_STRIDE + place] = block.column3;
  }
  var sums = before;
  sums.slab0 = addSlab(before.slab0, 0u, vectors);
  if (SLABS > 1u) { sums.slab1 = addSlab(before.slab1, 1u, vectors); }
  if (SLABS > 2u) { sums.slab2 = addSlab(before.slab2, 2u, vectors); }
  if (SLABS > 3u) { sums.slab3 = addSlab(before.slab3, 3u, vectors); }
  if (SLABS > 4u) { sums.slab4 = addSlab(before.slab4, 4u, vectors); }
  if (SLABS > 5u) { sums.slab5 = addSlab(before.slab5, 5u, vectors); }
  if (SLABS > 6u) { sums.slab6 = addSlab(before.slab6, 6u, vectors); }
  if (SLABS > 7u) { sums.slab7 = addSlab(before.slab7, 7u, vectors); }
  return sums;
}

/// The same for one slab of the vectors, once the factors are in workgroup memory.
fn addSlab(before: mat4x4f, slab: u32, vectors: HeadRows) -> mat4x4f {
  workgroupBarrier();
  for (var i = thread; i < TILE * 8u; i += THREADS) {
    rightSlab[i / 8u * SLAB_STRIDE + i % 8u] = headVector(vectors, i / 8u, 8u * slab + i % 8u);
  }
  workgroupBarrier();
  let columns = min(TILE, vectors.count);
  var sum = before;
  for (var column = 0u; column < columns; column++) {
    let vector = rightSlab[column * SLAB_STRIDE + thread % 8u];
    let weight = left[column * WEIGHT_STRIDE + thread / 8u];
    sum += mat4x4f(vector * weight.x, vector * weight.y, vector * weight.z, vector * weight.w);
  }
  return sum;
}

/// Each of the four rows times its own factor.
fn scaleRows(rows: mat4x4f, factor: vec4f) -> mat4x4f {
  return mat4x4f(rows[0] * factor.x, rows[1] * factor.y, rows[2] * factor.z, rows[3] * factor.w);
}

/// The same for a whole block.
fn scaleBlock(block: HeadBlock, factor: vec4f) -> HeadBlock {
  var scaled = block;
  scaled.slab0 = scaleRows(block.slab0, factor);
  if (SLABS > 1u) { scaled.slab1 = scaleRows(block.slab1, factor); }
  if (SLABS > 2u) { scaled.slab2 = scaleRows(block.slab2, factor); }
  if (SLABS > 3u) { scaled.slab3 = scaleRows(block.slab3, factor); }
  if (SLABS > 4u) { scaled.slab4 = scaleRows(block.slab4, factor); }
  if (SLABS > 5u) { scaled.slab5 = scaleRows(block.slab5, factor); }
  if (SLABS > 6u) { scaled.slab6 = scaleRows(block.slab6, factor); }
  if (SLABS > 7u) { scaled.slab7 = scaleRows(block.slab7, factor); }
  return scaled;
}
