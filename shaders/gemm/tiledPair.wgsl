// out[M, N] (+)= A · B and outSecond[K, N] (+)= Aᵀ · C in one dispatch: A [M, K], B [K, N], C [M, N]. More of it: lib/gemmPair.wgsl.
// Threads and tiling: lib/gemmTile.wgsl.

//!include gemmPair
//!include halves

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> c: array<vec4f>;

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
