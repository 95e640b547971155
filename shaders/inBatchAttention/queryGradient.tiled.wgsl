// ∂L/∂q_i[t, h] (+)= scale · Σ_{j read by i} Σ_m ∂L/∂s_m · K_jm of the in-batch attention, with λ, ŵ of
// statistics.tiled.wgsl, c of divisors.wgsl and u = ∂L/∂out_i[t, h]:
//   R_m = e^{s_m − λ},   ∂L/∂s_m = gate · A_ij · R_m · (⟨u, V_jm⟩ − ŵ · c_jm)
// (Ô = Σ_m R_m V_m is a quotient of two sums over e^{s_m}: V-normalisation needs no further term.)
//
// q, u, queryGradient: [T, H, headDim]   k, v: [T, G, headDim]   c: [T, G]   state: as lib/pairTable.wgsl has it
//
// One workgroup per (tile x of queries of chunk z and of the heads of KV head y), as in the forward pass: it owns its rows of the result, so nothing
// is added up between workgroups and no atomics are needed. The scores are computed anew, tile by tile.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> q: array<vec2f>;
@group(0) @binding(3) var<storage, read> k: array<vec2f>;
@group(0) @binding(4) var<storage, read> v: array<vec2f>;
@group(0) @binding(5) var<storage, read> u: array<vec2f>;
@group(0) @binding(6) var<storage, read> c: array<f32>;
@group(0) @binding(7) var<storage, read> state: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> queryGradient: array<vec2f>;
//!include headTiles

const QUERY = 0u;
const KEY = 1u;
const VALUE = 2u;
const GRADIENT = 3u;

fn numbers(source: u32, pair: u32) -> vec2f {
  switch source {
    case QUERY: { return q[pair]; }
    case KEY: { return k[pair]; }
    case VALUE: { return v[pair]; }
    default: { return u[pair]; }
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
  let gradients = groupRows(GRADIENT, chunk.firstToken, first, count, kvHead, params.heads);
  var sum: HeadBlock;
  for (var slot = chunk.firstSlot; slot < chunk.firstSlot + chunk.pairs; slot++) {
    let weight = state[slot].x;
    if (weight == 0.0) {
      continue;
    }
    let pair = pairAt(slot);
    let context = chunkAt(pair.context);
    // Rows past the chunk's end take the last one's numbers and are never written.
    let row = vec4u(first) + min(tileRows(), vec4u(count - 1u));
    let at = stateIndex(pair, chunk.tokens, kvHead * GROUP, 0u) + row % GROUP * chunk.tokens + row / GROUP;
    let entries = mat4x2f(state[at.x], state[at.y], state[at.z], state[at.w]);
    let lambda = transpose(entries)[0];
    let pull = transpose(entries)[1];
    for (var firstKey = 0u; firstKey < context.tokens; firstKey += TILE) {
      let key = context.firstToken + firstKey;
      let keys = context.tokens - firstKey;
      let keyRows = headRows(KEY, key, keys, kvHead, params.kvHeads);
      let score = scores(queries, keyRows);
      let along = scores(gradients, headRows(VALUE, key, keys, kvHead, params.kvHeads));
      let place = Place(key, keys, kvHead, count, weight);
      var block = Block();
      block.column0 = change(place, 0u, score.column0, along.column0, lambda, pull);
      block.column1 = change(place, 1u, score.column1, along.column1, lambda, pull);
      if (COLUMNS > 2u) {
        block.column2 = change(place, 2u, score.column2, along.column2, lambda, pull);
        block.column3 = change(place, 3u, score.column3, along.column3, lambda, pull);
      }
      sum = addProduct(sum, block, keyRows);
    }
  }
  write(queries, 0u, sum.slab0);
  if (SLABS > 1u) { write(queries, 1u, sum.slab1); }
  if (SLABS > 2u) { write(queries, 2u, sum.slab2); }
  if (SLABS > 3u) { write(queries, 3u, sum.slab3); }
  if (SLABS > 4u) { write(queries, 4u, sum.slab4); }
  if (SLABS > 5u) { write(queries, 5u, sum.slab5); }
  if (SLABS > 6u) { write(queries, 6u, sum.slab6); }
  if (SLABS > 7u) { write(queries, 7u, sum.slab7); }
}

/// A tile of keys: its first token and how many are left from there, their head, how many queries there are, and gate · A_ij.
struct Place { key: u32, keys: u32, kvHead: u32, count: u32, weight: f32 }

/// ∂L/∂s of the thread's column number n.
fn change(place: Place, n: u32, score: vec4f, along: vec4f, lambda: vec4f, pull: vec4f) -> vec4f {
  let share = c[(place.key + min(tileColumn(n), place.keys - 1u)) * params.kvHeads + place.kvHead];
  let change = place.weight * exp(score * params.scale - lambda) * (along - pull * share);
  return select(vec4f(), change, (tileRows() < vec4u(place.count)) & vec4<bool>(tileColumn(n) < place.keys));
}

fn write(queries: HeadRows, slab: u32, rows: mat4x4f) {
  writeRow(queries, 0u, slab, rows[0]);
  writeRow(queries, 1u, slab, rows[1]);
  writeRow(queries, 2u, slab, rows[2]);
  writeRow(queries, 3u, slab, rows[3]);
}

/// The thread's vector of a slab, for row number r of its four.
fn writeRow(queries: HeadRows, r: u32, slab: u32, sum: vec4f) {
  let row = tileRow(r);
  let vector = tileColumn(slab);
  if (row >= queries.count || vector >= VECTORS) {
    return;
  }
  let value = params.scale * sum;
  let pair = placeOf(queries, row) + 2u * vector;
  writePair(pair, value.xy);
  if (4u * vector + 2u < HEAD_DIM) {
    writePair(pair + 1u, value.zw);
  }
}

fn writePair(pair: u32, value: vec2f) {
  queryGradient[pair] = value + select(vec2f(), queryGradient[pair], params.accumulate == 1u);
}
