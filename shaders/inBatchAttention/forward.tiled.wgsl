// Similarity-weighted in-batch attention, added to ordinary self-attention:
//   out_i[t, h] = own_i[t, h] + gate · Σ_{j read by i} A_ij · Ô_ij[t, h]
//   Ô_ij[t, h] = Σ_m e^{s_m} V_jm / Σ_m e^{s_m} c_jm,   s_m = ⟨q_i[t, h], K_jm⟩ · scale,   m over all tokens of chunk j
// with c = ‖V‖ + ε for V-normalisation or 1 (divisors.wgsl). Not causal: a query sees the whole of chunk j.
//
// own, q, out: [T, H, headDim]   k, v: [T, G, headDim] of the plain pass   c: [T, G]   attention: [B, B]
// Head h uses KV head h / (H / G). scale = 1 / √headDim.
//
// One workgroup per (tile x of queries of chunk z and of the heads of KV head y), walking over the chunks that z reads and their key tiles with a
// running maximum (online softmax), so nothing of size L² or of size "pairs" ever reaches memory. Each chunk j has a
// softmax of its own: its numerator is folded into `sum` with the weight A_ij when its last key tile is done.
// Pairs whose A_ij is exactly 0 cost one load.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, gate: f32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> own: array<vec2f>;
@group(0) @binding(3) var<storage, read> q: array<vec2f>;
@group(0) @binding(4) var<storage, read> k: array<vec2f>;
@group(0) @binding(5) var<storage, read> v: array<vec2f>;
@group(0) @binding(6) var<storage, read> c: array<f32>;
@group(0) @binding(7) var<storage, read> attention: array<f32>;
@group(0) @binding(8) var<storage, read_write> out: array<vec2f>;
//!include headTiles

const QUERY = 0u;
const KEY = 1u;
const VALUE = 2u;
const OWN = 3u;

fn numbers(source: u32, pair: u32) -> vec2f {
  switch source {
    case QUERY: { return q[pair]; }
    case KEY: { return k[pair]; }
    case VALUE: { return v[pair]; }
    default: { return own[pair]; }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) index: u32) {
  thread = index;
  let group = workgroup + params.groupOffset;
  let chunk = chunkAt(group.z);
  let first = group.x * ROWS;
  if (first >= chunk.tokens * GROUP) {
    return;
  }
  let kvHead = group.y;
  let count = chunk.tokens * GROUP - first;
  let queries = groupRows(QUERY, chunk.firstToken, first, count, kvHead, params.heads);
  var sum: HeadBlock;
  for (var slot = chunk.firstSlot; slot < chunk.firstSlot + chunk.pairs; slot++) {
    let j = pairAt(slot).context;
    let weight = params.gate * attention[group.z * params.chunks + j];
    if (weight == 0.0) {
      continue;
    }
    let context = chunkAt(j);
    var numerator: HeadBlock;
    var divisor = vec4f();
    var highest = vec4f(LOWEST);
    for (var firstKey = 0u; firstKey < context.tokens; firstKey += TILE) {
      let key = context.firstToken + firstKey;
      let keys = context.tokens - firstKey;
      var block = scores(queries, headRows(KEY, key, keys, kvHead, params.kvHeads));
      let before = highest;
      block.column0 = masked(block.column0, 0u, keys);
      block.column1 = masked(block.column1, 1u, keys);
      highest = max(highest, max(block.column0, block.column1));
      if (COLUMNS > 2u) {
        block.column2 = masked(block.column2, 2u, keys);
        block.column3 = masked(block.column3, 3u, keys);
        highest = max(highest, max(block.column2, block.column3));
      }
      highest = maximumAcross(highest, thread);
      let shrink = exp(before - highest); // 0 at the first key tile, where there is nothing to shrink yet
      divisor *= shrink;
      block.column0 = select(vec4f(), exp(block.column0 - highest), tileColumn(0u) < keys);
      block.column1 = select(vec4f(), exp(block.column1 - highest), tileColumn(1u) < keys);
      divisor += block.column0 * shareOf(key, 0u, keys, kvHead);
      divisor += block.column1 * shareOf(key, 1u, keys, kvHead);
      if (COLUMNS > 2u) {
        block.column2 = select(vec4f(), exp(block.column2 - highest), tileColumn(2u) < keys);
        block.column3 = select(vec4f(), exp(block.column3 - highest), tileColumn(3u) < keys);
        divisor += block.column2 * shareOf(key, 2u, keys, kvHead);
        divisor += block.column3 * shareOf(key, 3u, keys, kvHead);
      }
      let values = headRows(VALUE, key, keys, kvHead, params.kvHeads);
      numerator = addProduct(scaleBlock(numerator, shrink), block, values);
    }
    sum = plusBlock(sum, scaleBlock(numerator, weight / sumAcross(divisor, thread)));
  }
  let ordinary = groupRows(OWN, chunk.firstToken, first, count, kvHead, params.heads);
  write(ordinary, 0u, sum.slab0);
  if (SLABS > 1u) { write(ordinary, 1u, sum.slab1); }
  if (SLABS > 2u) { write(ordinary, 2u, sum.slab2); }
  if (SLABS > 3u) { write(ordinary, 3u, sum.slab3); }
  if (SLABS > 4u) { write(ordinary, 4u, sum.slab4); }
  if (SLABS > 5u) { write(ordinary, 5u, sum.slab5); }
  if (SLABS > 6u) { write(ordinary, 6u, sum.slab6); }
  if (SLABS > 7u) { write(ordinary, 7u, sum.slab7); }
}

/// The scores of the thread's column number n, below all others where there is no such key.
fn masked(score: vec4f, n: u32, keys: u32) -> vec4f {
  return select(vec4f(LOWEST), score * params.scale, tileColumn(n) < keys);
}

/// c of that column's key.
fn shareOf(key: u32, n: u32, keys: u32, kvHead: u32) -> f32 {
  return c[(key + min(tileColumn(n), keys - 1u)) * params.kvHeads + kvHead];
}

fn plusBlock(a: HeadBlock, b: HeadBlock) -> HeadBlock {
  var sum = a;
  sum.slab0 = a.slab0 + b.slab0;
  if (SLABS > 1u) { sum.slab1 = a.slab1 + b.slab1; }
  if (SLABS > 2u) { sum.slab2 = a.slab2 + b.slab2; }
  if (SLABS > 3u) { sum.slab3 = a.slab3 + b.slab3; }
  if (SLABS > 4u) { sum.slab4 = a.slab4 + b.slab4; }
  if (SLABS > 5u) { sum.slab5 = a.slab5 + b.slab5; }
  if (SLABS > 6u) { sum.slab6 = a.slab6 + b.slab6; }
  if (SLABS > 7u) { sum.slab7 = a.slab7 + b.slab7; }
  return sum;
}

fn write(ordinary: HeadRows, slab: u32, rows: mat4x4f) {
  writeRow(ordinary, 0u, slab, rows[0]);
  writeRow(ordinary, 1u, slab, rows[1]);
  writeRow(ordinary, 2u, slab, rows[2]);
  writeRow(ordinary, 3u, slab, rows[3]);
}

/// The thread's vector of a slab, for row number r of its four.
fn writeRow(ordinary: HeadRows, r: u32, slab: u32, read: vec4f) {
  let row = tileRow(r);
  let vector = tileColumn(slab);
  if (row >= ordinary.count || vector >= VECTORS) {
    return;
  }
  let value = headVector(ordinary, row, vector) + read;
  let pair = placeOf(ordinary, row) + 2u * vector;
  out[pair] = value.xy;
  if (4u * vector + 2u < HEAD_DIM) {
    out[pair + 1u] = value.zw;
  }
}
