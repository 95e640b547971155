// ∂L/∂K_jm and ∂L/∂V_jm of the in-batch attention: sums over the query chunks i that read j, the query heads h of the KV
// head, and their tokens t, with R, ŵ, c, u as in queryGradient.tiled.wgsl and W = gate · A_ij · R_m[t, h]:
//   ∂L/∂K_jm (+)= scale · Σ W · (⟨u, V_jm⟩ − ŵ · c_jm) · q_i[t, h]
//   ∂L/∂V_jm (+)= Σ W · u  −  (Σ W · ŵ) · V_jm / ‖V_jm‖       (last term with V-normalisation only; 0 where ‖V_jm‖ = 0)
//
// q, u: [T, H, headDim]   k, v, keyGradient, valueGradient: [T, G, headDim]   state: as lib/pairTable.wgsl has it
//
// One workgroup per (key tile x of chunk z, KV head y); tile rows are keys here, tile columns query tokens. It owns its
// rows of both results, so there are no atomics and the order of the sums is fixed. Each block of W serves two products.

struct Params {
  groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, epsilon: f32,
  accumulateKeys: u32, accumulateValues: u32,
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
  let kvHead = group.y;
  let groupHeads = params.heads / params.kvHeads;
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
    for (var head = kvHead * groupHeads; head < (kvHead + 1u) * groupHeads; head++) {
      for (var firstQuery = 0u; firstQuery < chunk.tokens; firstQuery += TILE) {
        let tokens = chunk.tokens - firstQuery;
        let queries = headRows(QUERY, chunk.firstToken + firstQuery, tokens, head, params.heads);
        let gradients = headRows(GRADIENT, chunk.firstToken + firstQuery, tokens, head, params.heads);
        var block = scores(keys, queries);
        var change = scores(values, gradients);
        for (var n = 0u; n < COLUMNS; n++) {
          let token = firstQuery + min(tileColumn(n), tokens - 1u);
          let entry = state[stateIndex(pair, chunk.tokens, head, token)];
          let exists = (tileRows() < vec4u(count)) & vec4<bool>(tileColumn(n) < tokens);
          let w = select(vec4f(), weight * exp(block[n] * params.scale - entry.x), exists);
          change[n] = w * (change[n] - entry.y * share);
          pull += w * entry.y;
          block[n] = w;
        }
        addProduct(&valueSum, block, gradients);
        addProduct(&keySum, change, queries);
      }
    }
  }
  pull = rowSum(pull);
  for (var slab = 0u; slab < SLABS; slab++) {
    var keyRows = keySum[slab];
    var valueRows = valueSum[slab];
    let vector = tileColumn(slab);
    for (var r = 0u; r < 4u; r++) {
      let row = tileRows()[r];
      if (row < count && vector < VECTORS) {
        let key = params.scale * keyRows[r];
        var value = valueRows[r];
        if (V_NORM && norm[r] > 0.0) {
          value -= pull[r] / norm[r] * headVector(values, row, vector);
        }
        let pair = keys.first + row * keys.stride + 2u * vector;
        writePairs(pair, key.xy, value.xy);
        if (4u * vector + 2u < HEAD_DIM) {
          writePairs(pair + 1u, key.zw, value.zw);
        }
      }
    }
  }
}

/// ‖V‖₂ of the thread's rows.
fn valueNorms(values: HeadRows) -> vec4f {
  var squares = vec4f();
  for (var slab = 0u; slab < SLABS; slab++) {
    for (var r = 0u; r < 4u; r++) {
      let vector = headVector(values, tileRows()[r], tileColumn(slab));
      squares[r] += dot(vector, vector);
    }
  }
  return sqrt(rowSum(squares));
}

fn writePairs(pair: u32, key: vec2f, value: vec2f) {
  keyGradient[pair] = key + select(vec2f(), keyGradient[pair], params.accumulateKeys == 1u);
  valueGradient[pair] = value + select(vec2f(), valueGradient[pair], params.accumulateValues == 1u);
}
