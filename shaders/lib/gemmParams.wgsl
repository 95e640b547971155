// What a matrix product is asked for: shared by the kernels of gemm/, which differ in how they read the operands and share out the work.
//
// Stored matrices are row-major stretches of larger buffers: element (row, column) lies at offset + row · stride + column.
//   A: [M, K], or [K, M] with TRANSPOSE_A.   B: [K, N], or [N, K] with TRANSPOSE_B, in WEIGHT_FORMAT.   bias: [N].
//   scales: of B in i8, bf16 [rows of B as stored, groupsB]; B is a whole tensor then, without gaps: offset 0.
//   With MORE, sums go on over kMore columns of a second pair, moreA [M, kMore] and moreB (stored as B is, f32).
// With GATED gates and values of one number stand side by side in the columns of the product, so that a thread has both (columnAt).
// moreB may be a matrix of blocks (blocks.wgsl). It is the second operand of x · Wᵀ with the update of each projection in W
// (MORE_BLOCKS), and B itself where a gradient goes back through the blocks (BLOCKS_B).
//
// K is summed in steps of TILE_K, each by itself before it joins the total: rounding grows with the number of addends in a row,
// which is then K / 16 + 16 instead of K (measured at K = 896: a third of the error, at no cost). All kernels do it in the same
// order, so that results are equal to the bit whichever is taken.

// Of a gradient A may lie below what 16 bits hold: with HALF its numbers are multiplied by scaleA, a power of two, before they are rounded,
// and the host takes it back in `scale`. Both is exact.

//!include weights
//!include blocks
//!include halves

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override ACCUMULATE: bool = false;
override HAS_BIAS: bool = false;
override MORE: bool = false;
override MORE_BLOCKS: bool = false;
override BLOCKS_B: bool = false;
override GATED: bool = false;
const TILE_K = 16u;

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
  scaleA: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
/// Packed bf16, two to a word.
@group(0) @binding(6) var<storage, read> scales: array<u32>;

/// The scale of an i8 B at a row and column as stored.
fn scaleB(row: u32, column: u32) -> f32 {
  let index = row * params.groupsB + (column >> GROUP_SHIFT);
  return unpackBf16(scales[index >> 1u])[index & 1u];
}

fn transposesA() -> bool {
  return TRANSPOSE_A;
}

/// Four numbers of A, and of B, as they are multiplied.
fn operandsOfA(numbers: vec4f) -> Operands {
  if (HALF) {
    return narrowed(params.scaleA * numbers);
  }
  return narrowed(numbers);
}

fn operandsOfB(numbers: vec4f) -> Operands {
  return narrowed(numbers);
}

/// The bias of four neighbouring columns. Indices past the end are of columns that are not stored.
fn biasAt(column: u32) -> vec4f {
  if (!HAS_BIAS) {
    return vec4f();
  }
  let last = vec4u(params.n - 1u);
  let at = min(vec4u(column, column + 1u, column + 2u, column + 3u), last);
  return vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
}

/// Which of B's columns, as stored, a column of the product is: with GATED they alternate between gates, the first half of those stored,
/// and values.
fn columnAt(column: u32) -> u32 {
  if (GATED) {
    return (column >> 1u) + (column & 1u) * (params.n >> 1u);
  }
  return column;
}

/// The stretch number `split` of K: from where and to before where.
fn stretchOfK(split: u32) -> vec2u {
  let first = split * params.splitLength;
  return vec2u(first, min(params.k, first + params.splitLength));
}

/// Which of the second pair's K counts for columns `first` to before `end`: from a whole step on, because what is summed together must not
/// depend on where a tile begins.
fn stretchOfMore(first: u32, end: u32) -> vec2u {
  if (MORE_BLOCKS) {
    var span = vec2u();
    if (GATED) {
      let gates = vec2u(first >> 1u, (end + 1u) >> 1u);
      let values = gates + (params.n >> 1u);
      let ofGates = blockColumns(gates.x, gates.y);
      let ofValues = blockColumns(values.x, values.y);
      span = vec2u(min(ofGates.x, ofValues.x), max(ofGates.y, ofValues.y));
    } else {
      span = blockColumns(first, end);
    }
    return vec2u(span.x - span.x % TILE_K, span.y);
  }
  return vec2u(0u, params.kMore);
}
