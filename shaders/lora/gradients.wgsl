// Gradients of the two matrices of a LoRA in one dispatch. Both are sums over the T rows of a narrow matrix times a wide one:
//   dA[i, k] (+)= Σ_t dReduced[t, i] · x[t, k],   dB[n, j] (+)= Σ_t dy[t, n] · reduced[t, p · rank + j],  n in the stretch of part p
//
// dReduced, reduced: [T, W], W = parts · rank; x: [T, K]; dy: [T, N]; dA: [W, K]; dB: the stretches' rows one below the other,
// [Σ rows, rank] (lib/blocks.wgsl). accumulateA, accumulateB = 1 add to what is there. tokens = T.
//
// A workgroup makes 64 columns of the wide side and STRIP of the narrow one: the first groupsA workgroups for dA, the others for dB,
// where there is one for every strip too, but those with nothing of a block in them end at once. 16 threads take four columns each, and
// SLICES of them share out the rows, every SLICES-th each; the slices are then added in workgroup memory, in a fixed order. Both
// sides are read straight from the buffers: neighbours read neighbouring vectors of the wide side, all of a slice the same of the narrow one.
// VECTOR_X, VECTOR_DY, VECTOR_NARROW: rows can be read in whole vectors, as K, N or W is a multiple of four.
//
// With DROPOUT, what stands for x in rows i of part p is x ⊙ mask_p (lib/dropoutMask.wgsl, under site p). Then every part begins a strip
// of its own, so that a strip has one mask; rows can be read in whole vectors where rank is a multiple of four.

//!include blocks
//!include dropoutMask

override SLICES: u32 = 8u;
override THREADS: u32 = 16u * SLICES;
override VECTOR_X: bool = true;
override VECTOR_DY: bool = true;
override VECTOR_NARROW: bool = true;
override DROPOUT: bool = false;

/// Columns of the narrow side that a thread sums, in vectors of four columns of the wide one.
const STRIP = 8u;

struct Params {
  groupOffset: vec3u,
  tokens: u32,
  columnsX: u32,
  columnsDy: u32,
  narrow: u32,
  strips: u32,
  groupsA: u32,
  accumulateA: u32,
  accumulateB: u32,
  rank: u32,
  start0: u32,
  end0: u32,
  start1: u32,
  end1: u32,
  start2: u32,
  end2: u32,
  site0: u32,
  site1: u32,
  site2: u32,
  threshold: u32,
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> dReduced: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read> reduced: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dA: array<f32>;
@group(0) @binding(6) var<storage, read_write> dB: array<f32>;
@group(0) @binding(7) var<storage, read> key: array<u32>;

/// [slice, column of the strip, thread of the slice].
var<workgroup> sliceSums: array<vec4f, 16u * STRIP * SLICES>;

struct Sums { s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f, s4: vec4f, s5: vec4f, s6: vec4f, s7: vec4f }

/// Four numbers from element `index` on; what lies past the row belongs to sums that are not stored.
fn fourOfX(index: u32) -> vec4f {
  if (VECTOR_X) { return x[index >> 2u]; }
  return vec4f(
    x[index >> 2u][index & 3u],
    x[(index + 1u) >> 2u][(index + 1u) & 3u],
    x[(index + 2u) >> 2u][(index + 2u) & 3u],
    x[(index + 3u) >> 2u][(index + 3u) & 3u],
  );
}

fn fourOfDy(index: u32) -> vec4f {
  if (VECTOR_DY) { return dy[index >> 2u]; }
  return vec4f(
    dy[index >> 2u][index & 3u],
    dy[(index + 1u) >> 2u][(index + 1u) & 3u],
    dy[(index + 2u) >> 2u][(index + 2u) & 3u],
    dy[(index + 3u) >> 2u][(index + 3u) & 3u],
  );
}

fn fourOfDReduced(index: u32) -> vec4f {
  if (VECTOR_NARROW) { return dReduced[index >> 2u]; }
  return vec4f(
    dReduced[index >> 2u][index & 3u],
    dReduced[(index + 1u) >> 2u][(index + 1u) & 3u],
    dReduced[(index + 2u) >> 2u][(index + 2u) & 3u],
    dReduced[(index + 3u) >> 2u][(index + 3u) & 3u],
  );
}

fn fourOfReduced(index: u32) -> vec4f {
  if (VECTOR_NARROW) { return reduced[index >> 2u]; }
  return vec4f(
    reduced[index >> 2u][index & 3u],
    reduced[(index + 1u) >> 2u][(index + 1u) & 3u],
    reduced[(index + 2u) >> 2u][(index + 2u) & 3u],
    reduced[(index + 3u) >> 2u][(index + 3u) & 3u],
  );
}

fn added(sums: Sums, low: vec4f, high: vec4f, wide: vec4f) -> Sums {
  return Sums(
    sums.s0 + low.x * wide, sums.s1 + low.y * wide, sums.s2 + low.z * wide, sums.s3 + low.w * wide,
    sums.s4 + high.x * wide, sums.s5 + high.y * wide, sums.s6 + high.z * wide, sums.s7 + high.w * wide,
  );
}

/// First column (x) of a strip of the narrow side, and the one behind its last (y).
fn stripAt(number: u32) -> vec2u {
  if (DROPOUT) {
    let each = (params.rank + STRIP - 1u) / STRIP;
    let part = number / each;
    return vec2u(part * params.rank + STRIP * (number % each), (part + 1u) * params.rank);
  }
  return vec2u(STRIP * number, params.narrow);
}

/// The site of the part that column `i` of the narrow side belongs to.
fn siteOf(i: u32) -> u32 {
  let part = i / params.rank;
  return select(select(params.site2, params.site1, part == 1u), params.site0, part == 0u);
}

/// Four numbers of row `t` of x, as a part reads them.
fn readOfX(t: u32, column: u32, site: u32) -> vec4f {
  let value = fourOfX(t * params.columnsX + column);
  if (DROPOUT) {
    return value * dropoutFactors(t, column, site);
  }
  return value;
}

/// The thread's sums over the rows of its slice, for columns from `strip` on of the narrow side and from `column` on of the wide one.
fn sliceProduct(ofA: bool, slice: u32, strip: u32, column: u32) -> Sums {
  let site = siteOf(strip);
  var sums = Sums();
  for (var t = slice; t < params.tokens; t += SLICES) {
    let narrow = t * params.narrow + strip;
    if (ofA) {
      sums = added(sums, fourOfDReduced(narrow), fourOfDReduced(narrow + 4u), readOfX(t, column, site));
    } else {
      sums = added(sums, fourOfReduced(narrow), fourOfReduced(narrow + 4u), fourOfDy(t * params.columnsDy + column));
    }
  }
  return sums;
}

/// Stores the sum for column `i` of the narrow side and column `at` of the wide one.
fn store(ofA: bool, i: u32, at: u32, value: f32) {
  if (ofA) {
    if (at < params.columnsX) {
      let index = i * params.columnsX + at;
      dA[index] = value + select(0.0, dA[index], params.accumulateA != 0u);
    }
    return;
  }
  let place = blockRow(at);
  if (at < params.columnsDy && place.x == i / params.rank) {
    let index = place.y * params.rank + i - place.x * params.rank;
    dB[index] = value + select(0.0, dB[index], params.accumulateB != 0u);
  }
}

/// Four of them, unless column `i` lies behind its strip, which ends before `end`.
fn storeFour(ofA: bool, i: u32, end: u32, column: u32, sums: vec4f) {
  if (i >= end) {
    return;
  }
  store(ofA, i, column, sums.x);
  store(ofA, i, column + 1u, sums.y);
  store(ofA, i, column + 2u, sums.z);
  store(ofA, i, column + 3u, sums.w);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.x + params.groupOffset.x;
  let ofA = group < params.groupsA;
  let own = select(group - params.groupsA, group, ofA);
  let bounds = stripAt(own % params.strips);
  let strip = bounds.x;
  let first = 64u * (own / params.strips);
  if (!ofA && !blocksMeet(vec2u(strip, first), vec2u(strip + STRIP, first + 64u))) {
    return;
  }
  let slice = thread / 16u;
  let lane = thread % 16u;
  let column = first + 4u * lane;
  let sums = sliceProduct(ofA, slice, strip, column);
  if (SLICES == 1u) {
    storeFour(ofA, strip, bounds.y, column, sums.s0);
    storeFour(ofA, strip + 1u, bounds.y, column, sums.s1);
    storeFour(ofA, strip + 2u, bounds.y, column, sums.s2);
    storeFour(ofA, strip + 3u, bounds.y, column, sums.s3);
    storeFour(ofA, strip + 4u, bounds.y, column, sums.s4);
    storeFour(ofA, strip + 5u, bounds.y, column, sums.s5);
    storeFour(ofA, strip + 6u, bounds.y, column, sums.s6);
    storeFour(ofA, strip + 7u, bounds.y, column, sums.s7);
    return;
  }
  let place = slice * STRIP * 16u + lane;
  sliceSums[place] = sums.s0;
  sliceSums[place + 16u] = sums.s1;
  sliceSums[place + 32u] = sums.s2;
  sliceSums[place + 48u] = sums.s3;
  sliceSums[place + 64u] = sums.s4;
  sliceSums[place + 80u] = sums.s5;
  sliceSums[place + 96u] = sums.s6;
  sliceSums[place + 112u] = sums.s7;
  workgroupBarrier();
  for (var i = thread; i < STRIP * 16u; i += THREADS) {
    var total = vec4f();
    for (var s = 0u; s < SLICES; s++) {
      total += sliceSums[s * STRIP * 16u + i];
    }
    storeFour(ofA, strip + i / 16u, bounds.y, first + 4u * (i % 16u), total);
  }
}
