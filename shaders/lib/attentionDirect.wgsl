// Attention for software GPUs, straight from the buffers: what the kernels named *.direct share.
//
// Each thread owns four neighbouring rows (queries, or keys in the gradients of keys and values), a workgroup TILE of them, and
// all its threads walk over the other side together, four tokens at a time:
//
//   scores    block[j][i] = own[i] · other[j]      four rows i (lanes) and four others j (matrix columns)
//   sums      sum[i] += Σ_j block[j][i] · other[j], one vector of four at a time (see the kernels)
//
// Own numbers and sums are the thread's own, and the others' addresses are the same in all threads: a CPU that runs threads as
// one vector reads the former as whole vectors and the latter once for all. It has caches in place of workgroup memory, and
// pays for a barrier by saving and restoring every thread, so there is none. For the same reason no thread leaves early: rows
// past the end take the last row's numbers and are not written, for a vector with idle threads goes through memory one by one.
// Private arrays cannot have an override's size: they hold SLAB vectors, and a workgroup makes one such part of each sum.
//
// A kernel that includes this says where numbers are, by the number at which a head begins and a vector of it:
//   fn ownOfScores(start: u32, vector: u32) -> vec4f        fn otherOfScores(start: u32, vector: u32) -> vec4f

//!include headVector

/// Numbers per head: even.
override HEAD_DIM: u32 = 64u;
/// Rows per workgroup: a multiple of 4.
override TILE: u32 = 16u;
override THREADS: u32 = TILE / 4u;
/// Vectors of four per head; the last is filled up with zeros.
override VECTORS: u32 = (HEAD_DIM + 3u) / 4u;
/// Vectors of the results that one workgroup makes: 64 numbers.
const SLAB = 16u;
override SLABS: u32 = (VECTORS + SLAB - 1u) / SLAB;
const LOWEST = -1e30; // below every score

const STEPS = vec4u(0u, 1u, 2u, 3u);

/// [vector, row] of the own side of scores, where whole heads fit in.
var<private> kept: array<vec4f, 4u * SLAB>;

/// Where the heads of four tokens begin.
fn headStarts(tokens: vec4u, head: u32, heads: u32) -> vec4u {
  return (tokens * heads + head) * HEAD_DIM;
}

/// Vectors in slab number `slab`.
fn slabWidth(slab: u32) -> u32 {
  return min(SLAB, VECTORS - slab * SLAB);
}

fn keepOwn(own: vec4u) {
  if (SLABS == 1u) {
    for (var vector = 0u; vector < VECTORS; vector++) {
      for (var row = 0u; row < 4u; row++) {
        kept[4u * vector + row] = ownOfScores(own[row], vector);
      }
    }
  }
}

/// ⟨own row i, other row j⟩, for the four rows that begin at `own` (lanes) and at `others` (columns).
fn scores(own: vec4u, others: vec4u) -> mat4x4f {
  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  for (var vector = 0u; vector < VECTORS; vector++) {
    let columns = mat4x4f(
      otherOfScores(others.x, vector),
      otherOfScores(others.y, vector),
      otherOfScores(others.z, vector),
      otherOfScores(others.w, vector),
    );
    if (SLABS == 1u) {
      row0 += kept[4u * vector] * columns;
      row1 += kept[4u * vector + 1u] * columns;
      row2 += kept[4u * vector + 2u] * columns;
      row3 += kept[4u * vector + 3u] * columns;
    } else {
      row0 += ownOfScores(own.x, vector) * columns;
      row1 += ownOfScores(own.y, vector) * columns;
      row2 += ownOfScores(own.z, vector) * columns;
      row3 += ownOfScores(own.w, vector) * columns;
    }
  }
  return transpose(mat4x4f(row0, row1, row2, row3));
}
