// Two matrix products that read the same matrix, in one dispatch:
//   first:  out[M, N] (+)= A · B        second: outSecond[K, N] (+)= Aᵀ · C
// as the gradients of a linear map y = x · W need them: A the gradient of y, B = W, C = x. A: [M, K], B: [K, N], C: [M, N], whole tensors
// in f32, n and k multiples of four. With swiglu the first goes through it as lib/gemmStore.wgsl has it: gateUp and out are [M, 2N],
// gates first.
//
// Rows of both results count as one: workgroups whose row is below firstGroups make tiles of the first. Threads and tiling:
// lib/gemmTile.wgsl. Sums are formed as in all other products (lib/gemmParams.wgsl), so that results are equal to the bit.

//!include sigmoid
//!include gemmSums
//!include halves

const TILE_K = 16u;

struct Params { groupOffset: vec3u, m: u32, n: u32, k: u32, firstGroups: u32, accumulate: u32, accumulateSecond: u32, swiglu: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> c: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> outSecond: array<vec4f>;
@group(0) @binding(8) var<storage, read> gateUp: array<vec4f>;

/// Which of the two the workgroup is at.
var<private> isSecond: bool;

/// A workgroup's row among those of its own product.
fn groupRow(row: u32) -> u32 {
  return select(row, row - params.firstGroups, isSecond);
}

/// Rows of the result, and numbers that are summed up for each.
fn sizesOf(second: bool) -> vec2u {
  return select(vec2u(params.m, params.k), vec2u(params.k, params.m), second);
}

/// Stores four neighbouring numbers of a row that exists, if their columns do.
fn storeFour(row: u32, column: u32, value: vec4f) {
  if (column >= params.n) {
    return;
  }
  let at = (row * params.n + column) >> 2u;
  if (isSecond) {
    if (params.accumulateSecond != 0u) { outSecond[at] += value; } else { outSecond[at] = value; }
    return;
  }
  if (params.swiglu != 0u) {
    let half = params.n >> 2u;
    let source = 2u * row * half + (column >> 2u);
    let gate = gateUp[source];
    let s = vec4f(sigmoid(gate.x), sigmoid(gate.y), sigmoid(gate.z), sigmoid(gate.w));
    storeFirst(source, value * gateUp[source + half] * s * (1.0 + gate * (1.0 - s)));
    storeFirst(source + half, value * gate * s);
  } else {
    storeFirst(at, value);
  }
}

fn storeFirst(at: u32, value: vec4f) {
  if (params.accumulate != 0u) { out[at] += value; } else { out[at] = value; }
}

const TRANSPOSE_B = false;

struct Stretch { first: u32, end: u32 }

fn transposesA() -> bool {
  return isSecond;
}

/// Four numbers of A: of four rows at one k for the second product, else of one row from k on.
fn loadRows(stretch: Stretch, row: u32, k: u32) -> vec4f {
  let exists = row < sizesOf(isSecond).x && k < stretch.end;
  return select(vec4f(), a[select(row * params.k + k, k * params.k + row, isSecond) >> 2u], exists);
}

/// Four columns of B or C at one k.
fn loadColumns(stretch: Stretch, column: u32, k: u32) -> vec4f {
  let exists = k < stretch.end && column < params.n;
  let at = (k * params.n + column) >> 2u;
  if (isSecond) {
    return select(vec4f(), c[at], exists);
  }
  return select(vec4f(), b[at], exists);
}

/// As they are: products of 16 bits are not made in pairs.
fn operandsOfA(numbers: vec4f) -> Operands {
  return narrowed(numbers);
}

fn operandsOfB(numbers: vec4f) -> Operands {
  return narrowed(numbers);
}

//!include gemmTile

/// Stores sums where rows and columns exist.
fn storeSums(rows: Place, columns: Place, sums: Sums) {
  storeEight(rows.near, columns, sums.row0);
  if (ROWS > 1u) {
    storeEight(rows.near + 1u, columns, sums.row1);
    storeEight(rows.near + 2u, columns, sums.row2);
    storeEight(rows.near + 3u, columns, sums.row3);
  }
  if (ROWS > 4u) {
    storeEight(rows.far, columns, sums.row4);
    storeEight(rows.far + 1u, columns, sums.row5);
    storeEight(rows.far + 2u, columns, sums.row6);
    storeEight(rows.far + 3u, columns, sums.row7);
  }
}

fn storeEight(row: u32, columns: Place, value: Eight) {
  if (row >= sizesOf(isSecond).x) {
    return;
  }
  storeFour(row, columns.near, value.near);
  if (COLUMNS > 4u) { storeFour(row, columns.far, value.far); }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  // All that barriers depend on is made of the workgroup's place, the same for all of its threads.
  let second = group.y >= params.firstGroups;
  let depth = sizesOf(second).y;
  isSecond = second;
  let row = groupRow(group.y) * TILE_M;
  let column = group.x * TILE_N;
  let sums = addStretch(Sums(), Stretch(0u, depth), row, column, thread);
  storeSums(rowsOfTile(row, thread), columnsOfTile(column, thread), sums);
}
