// ∂L/∂K_jm and ∂L/∂V_jm of the in-batch attention: sums over the query chunks i that read j, the query heads h of the KV
// head, and their tokens t, with R, ŵ, c, u as in queryGradient.tiled.wgsl and W = gate · A_ij · R_m[t, h]:
//   ∂L/∂K_jm (+)= scale · Σ W · (⟨u, V_jm⟩ − ŵ · c_jm) · q_i[t, h]
//   ∂L/∂V_jm (+)= Σ W · u  −  (Σ W · ŵ) · V_jm / ‖V_jm‖       (last term with V-normalisation only; 0 where ‖V_jm‖ = 0)
//
// q, u: [T, H, headDim]   k, v: [T, G, headDim]   state: as lib/pairTable.wgsl has it
// keyGradient, valueGradient: [splits, T, G, headDim]: the query heads of a KV head are shared out among `splits` workgroups when there
// would be too few of them to fill the GPU; headSplits/sum.wgsl adds up.
//
// One workgroup per (key tile x of chunk z, KV head and split y); tile rows are keys here, tile columns query tokens. It owns its
// rows of both results, so there are no atomics and the order of the sums is fixed. Each block of W serves two products.

struct Params {
  groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, tokens: u32, splits: u32,
  scale: f32, epsilon: f32, accumulateKeys: u32, accumulateValues: u32,
}

override V_NORM: bool;

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> q: array<vec2f>;
@group(0) @binding(3) var<storage, read> k: array<vec2f>;
@group(0) @binding(4) var<storage, read> v: array<vec2f>;
@group(0) @binding(5) var<storage, read> u: array<vec2f>;
@group(0) @binding(6) var<storage, read> state: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> keyGradient: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> valueGradient: array<vec2f>;
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
  let context = chunkAt(group.z);
  let first = group.x * TILE;
  if (first >= context.tokens) {
    return;
  }
  let kvHead = group.y / params.splits;
  let split = group.y % params.splits;
  let groupHeads = params.heads / params.kvHeads;
  let firstHead = kvHead * groupHeads + split * groupHeads / params.splits;
  let lastHead = kvHead * groupHeads + (split + 1u) * groupHeads / params.splits;
  let count = context.tokens - first;
  let keys = headRows(KEY, context.firstToken + first, count, kvHead, params.kvHeads);
  let values = headRows(VALUE, context.firstToken + first, count, kvHead, params.kvHeads);
  let norm = valueNorms(values);
  let share = select(vec4f(1.0), norm + params.epsilon, V_NORM);
  var keySum: HeadBlock;
  var valueSum: HeadBlock;
  var pull = vec4f(); // Σ W · ŵ
  for (var entry = context.firstReader; entry < context.firstReader + context.readers; entry++) {
    let slot = readerSlot(entry);
    let weight = state[slot].x;
    if (weight == 0.0) {
      continue;
    }
    let pair = pairAt(slot);
    let chunk = chunkAt(pair.query);
    for (var head = firstHead; head < lastHead; head++) {
      for (var firstQuery = 0u; firstQuery < chunk.tokens; firstQuery += TILE) {
        let tokens = chunk.tokens - firstQuery;
        let queries = headRows(QUERY, chunk.firstToken + firstQuery, tokens, head, params.heads);
        let gradients = headRows(GRADIENT, chunk.firstToken + firstQuery, tokens, head, params.heads);
        let score = scores(keys, queries);
        let along = scores(values, gradients);
        let place = Place(stateIndex(pair, chunk.tokens, head, firstQuery), tokens, count, weight);
        let entry0 = entryOf(place, 0u);
        let entry1 = entryOf(place, 1u);
        var block = Block();
        block.column0 = weigh(place, 0u, score.column0, entry0);
        block.column1 = weigh(place, 1u, score.column1, entry1);
        pull += block.column0 * entry0.y + block.column1 * entry1.y;
        var change = Block();
        change.column0 = block.column0 * (along.column0 - entry0.y * share);
        change.column1 = block.column1 * (along.column1 - entry1.y * share);
        if (COLUMNS > 2u) {
          let entry2 = entryOf(place, 2u);
          let entry3 = entryOf(place, 3u);
          block.column2 = weigh(place, 2u, score.column2, entry2);
          block.column3 = weigh(place, 3u, score.column3, entry3);
          pull += block.column2 * entry2.y + block.column3 * entry3.y;
          change.column2 = block.column2 * (along.column2 - entry2.y * share);
          change.column3 = block.column3 * (along.column3 - entry3.y * share);
        }
        valueSum = addProduct(valueSum, block, gradients);
        keySum = addProduct(keySum, change, queries);
      }
    }
  }
  let lean = select(vec4f(), sumAcross(pull, thread) / norm, vec4<bool>(V_NORM) & (norm > vec4f()));
  write(values, split, 0u, keySum.slab0, valueSum.slab0, lean);
  if (SLABS > 1u) { write(values, split, 1u, keySum.slab1, valueSum.slab1, lean); }
  if (SLABS > 2u) { write(values, split, 2u, keySum.slab2, valueSum.slab2, lean); }
  if (SLABS > 3u) { write(values, split, 3u, keySum.slab3, valueSum.slab3, lean); }
  if (SLABS > 4u) { write(values, split, 4u, keySum.slab4, valueSum.slab4, lean); }
  if (SLABS > 5u) { write(values, split, 5u, keySum.slab5, valueSum.slab5, lean); }
  if (SLABS > 6u) { write(values, split, 6u, keySum.slab6, valueSum.slab6, lean); }
  if (SLABS > 7u) { write(values, split, 7u, keySum.slab7, valueSum.slab7, lean); }
}

/// A tile of queries: where the first one's entry of the state is and how many are left from there, how many keys there are, and gate · A_ij.
struct Place { entry: u32, queries: u32, keys: u32, weight: f32 }

/// λ and ŵ of the query in the thread's column number n; past the end those of the last one, which nothing comes of.
fn entryOf(place: Place, n: u32) -> vec2f {
  return state[place.entry + min(tileColumn(n), place.queries - 1u)];
}

/// W of that query, for the thread's four keys.
fn weigh(place: Place, n: u32, score: vec4f, entry: vec2f) -> vec4f {
  let exists = (tileRows() < vec4u(place.keys)) & vec4<bool>(tileColumn(n) < place.queries);
  return select(vec4f(), place.weight * exp(score * params.scale - entry.x), exists);
}

fn write(values: HeadRows, split: u32, slab: u32, keys: mat4x4f, sums: mat4x4f, lean: vec4f) {
  writeRow(values, split, 0u, slab, keys[0], sums[0], lean.x);
  writeRow(values, split, 1u, slab, keys[1], sums[1], lean.y);
  writeRow(values, split, 2u, slab, keys[2], sums[2], lean.z);
  writeRow(values, split, 3u, slab, keys[3], sums[3], lean.w);
}

/// The thread's vector of a slab, for row number r of its four; `lean` is (Σ W · ŵ) / ‖V‖.
fn writeRow(values: HeadRows, split: u32, r: u32, slab: u32, keySum: vec4f, valueSum: vec4f, lean: f32) {
  let row = tileRow(r);
  let vector = tileColumn(slab);
  if (row >= values.count || vector >= VECTORS) {
    return;
  }
  let key = params.scale * keySum;
  let value = valueSum - lean * headVector(values, row, vector);
  let pair = split * params.tokens * values.stride + placeOf(values, row) + 2u * vector;
  writePairs(pair, key.xy, value.xy);
  if (4u * vector + 2u < HEAD_DIM) {
    writePairs(pair + 1u, key.zw, value.zw);
  }
}

/// ‖V‖₂ of the thread's rows.
fn valueNorms(values: HeadRows) -> vec4f {
  var squares = vec4f();
  for (var slab = 0u; slab < SLABS; slab++) {
    let row0 = headVector(values, tileRow(0u), tileColumn(slab));
    let row1 = headVector(values, tileRow(1u), tileColumn(slab));
    let row2 = headVector(values, tileRow(2u), tileColumn(slab));
    let row3 = headVector(values, tileRow(3u), tileColumn(slab));
    squares += vec4f(dot(row0, row0), dot(row1, row1), dot(row2, row2), dot(row3, row3));
  }
  return sqrt(sumAcross(squares, thread));
}

fn writePairs(pair: u32, key: vec2f, value: vec2f) {
  keyGradient[pair] = key + select(vec2f(), keyGradient[pair], params.accumulateKeys == 1u);
  valueGradient[pair] = value + select(vec2f(), valueGradient[pair], params.accumulateValues == 1u);
}
