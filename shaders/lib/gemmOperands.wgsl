// Operands of the matrix product, read four numbers at a time: shared by the tiled and the direct kernel.
//
// Stored matrices are row-major stretches of larger buffers: element (row, column) lies at offset + row · stride + column.
//   A: [M, K], or [K, M] with TRANSPOSE_A.   B: [K, N], or [N, K] with TRANSPOSE_B, in WEIGHT_FORMAT.   bias: [N].
//   scales: of B in i8, bf16 [rows of B as stored, groupsB]; B is a whole tensor then, without gaps: offset 0.
//   With MORE, sums go on over kMore columns of a second pair, moreA [M, kMore] and moreB (stored as B is, f32): gemmMore.wgsl.
//
// VECTOR_A, VECTOR_B: offset, stride and row length of the stored matrix are multiples of four, so that a row can be read in
// whole vectors; the host finds out. The kernels that include this differ in how they store: see storeRow there.

//!include weights
//!include gemmMore

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override VECTOR_A: bool = true;
override VECTOR_B: bool = true;
override ACCUMULATE: bool = false;
override HAS_BIAS: bool = false;

struct Params {
  groupOffset: vec3u,
  m: u32,
  n: u32,
  k: u32,
  offsetA: u32,
  strideA: u32,
  offsetB: u32,
  strideB: u32,
  offsetOut: u32,
  strideOut: u32,
  splitLength: u32,
  splitStride: u32,
  groupsB: u32,
  scale: f32,
  kMore: u32,
  offsetMoreA: u32,
  strideMoreA: u32,
  offsetMoreB: u32,
  strideMoreB: u32,
  rank: u32,
  start0: u32,
  end0: u32,
  start1: u32,
  end1: u32,
  start2: u32,
  end2: u32,
  offsetResidual: u32,
  strideResidual: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
/// Bit patterns: a vector holds four numbers in f32, eight of 16 bits or sixteen of 8.
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read> moreA: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
/// Packed bf16, two to a word.
@group(0) @binding(6) var<storage, read> scales: array<u32>;
@group(0) @binding(7) var<storage, read> moreB: array<vec4f>;

fn elementA(index: u32) -> f32 {
  return a[index >> 2u][index & 3u];
}

/// The scale of an i8 B at a row and column as stored.
fn scaleB(row: u32, column: u32) -> f32 {
  let index = row * params.groupsB + (column >> GROUP_SHIFT);
  return unpackBf16(scales[index >> 1u])[index & 1u];
}

/// Two neighbouring words of B: four numbers of 16 bits from element `index` on, a multiple of four.
fn wordsB(index: u32) -> vec2u {
  let words = b[index >> 3u];
  return select(words.xy, words.zw, (index & 4u) != 0u);
}

fn elementB(index: u32) -> f32 {
  if (WEIGHT_FORMAT == 0u) {
    return bitcast<f32>(b[index >> 2u][index & 3u]);
  }
  if (WEIGHT_FORMAT == 3u) {
    return unpackBytes(b[index >> 4u][(index >> 2u) & 3u])[index & 3u];
  }
  let pair = unpackPair(b[index >> 3u][(index >> 1u) & 3u]);
  return select(pair.x, pair.y, (index & 1u) == 1u);
}

/// Four numbers of stored row `row` of A from `column` on; zeros outside `rows` × `columns`. Without branches: what lies
/// outside is read too (WebGPU keeps every read inside the buffer) and then dropped.
fn loadA(row: u32, column: u32, rows: u32, columns: u32) -> vec4f {
  let index = params.offsetA + row * params.strideA + column;
  if (VECTOR_A) {
    return select(vec4f(), a[index >> 2u], row < rows && column < columns);
  }
  let value = vec4f(elementA(index), elementA(index + 1u), elementA(index + 2u), elementA(index + 3u));
  return select(vec4f(), value, inside(row, column, rows, columns));
}

/// The same for B, widened to f32.
fn loadB(row: u32, column: u32, rows: u32, columns: u32) -> vec4f {
  let index = params.offsetB + row * params.strideB + column;
  if (VECTOR_B) {
    let exists = row < rows && column < columns;
    if (WEIGHT_FORMAT == 0u) {
      return select(vec4f(), bitcast<vec4f>(b[index >> 2u]), exists);
    }
    if (WEIGHT_FORMAT == 3u) {
      // A group begins at a multiple of four columns, so all four numbers are of one.
      let numbers = unpackBytes(b[index >> 4u][(index >> 2u) & 3u]);
      return select(vec4f(), scaleB(row, column) * numbers, exists);
    }
    let words = wordsB(index);
    return select(vec4f(), vec4f(unpackPair(words.x), unpackPair(words.y)), exists);
  }
  var value = vec4f(elementB(index), elementB(index + 1u), elementB(index + 2u), elementB(index + 3u));
  if (WEIGHT_FORMAT == 3u) {
    value *= scaleB(row, column);
  }
  return select(vec4f(), value, inside(row, column, rows, columns));
}

/// Which of four neighbours lie inside `rows` × `columns`.
fn inside(row: u32, column: u32, rows: u32, columns: u32) -> vec4<bool> {
  let end = select(0u, columns, row < rows);
  return vec4u(column, column + 1u, column + 2u, column + 3u) < vec4u(end);
}

/// sum + the product of four numbers of a row of A with four rows of B; one multiply-add after the other, so that they fuse.
fn multiplyAdd(sum: vec4f, row: vec4f, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  var result = sum + row.x * b0;
  result = result + row.y * b1;
  result = result + row.z * b2;
  return result + row.w * b3;
}

/// The bias of four neighbouring columns. Indices past the end are of columns that are not stored.
fn biasAt(column: u32) -> vec4f {
  if (!HAS_BIAS) {
    return vec4f();
  }
  let last = params.n - 1u;
  return vec4f(bias[column], bias[min(column + 1u, last)], bias[min(column + 2u, last)], bias[min(column + 3u, last)]);
}
