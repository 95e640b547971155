// Similarity-weighted in-batch attention, added to ordinary self-attention:
//   out_i[t, h] = own_i[t, h] + gate · Σ_{j read by i} A_ij · Ô_ij[t, h]
//   Ô_ij[t, h] = Σ_m e^{s_m} V_jm / Σ_m e^{s_m} c_jm,   s_m = ⟨q_i[t, h], K_jm⟩ · scale,   m over all tokens of chunk j
// with c = ‖V‖ + ε for V-normalisation or 1 (divisors.wgsl). Not causal: a query sees the whole of chunk j.
//
// own, q, out: [T, H, headDim]   k, v: [T, G, headDim] of the plain pass   c: [T, G]   attention: [B, B]
// Head h uses KV head h / (H / G). scale = 1 / √headDim.
//
// One workgroup per (query tile x of chunk z, head y), walking over the chunks that z reads and their key tiles with a
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
  let first = group.x * TILE;
  if (first >= chunk.tokens) {
    return;
  }
  let head = group.y;
  let kvHead = head / (params.heads / params.kvHeads);
  let token = chunk.firstToken + first;
  let count = chunk.tokens - first;
  let queries = headRows(QUERY, token, count, head, params.heads);
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
      for (var n = 0u; n < COLUMNS; n++) {
        block[n] = select(vec4f(LOWEST), block[n] * params.scale, tileColumn(n) < keys);
        highest = max(highest, block[n]);
      }
      highest = rowMaximum(highest);
      let shrink = exp(before - highest); // 0 at the first key tile, where there is nothing to shrink yet
      divisor *= shrink;
      for (var n = 0u; n < COLUMNS; n++) {
        let share = c[(key + min(tileColumn(n), keys - 1u)) * params.kvHeads + kvHead];
        block[n] = select(vec4f(), exp(block[n] - highest), tileColumn(n) < keys);
        divisor += block[n] * share;
      }
      for (var slab = 0u; slab < SLABS; slab++) {
        numerator[slab] = scaleRows(numerator[slab], shrink);
      }
      addProduct(&numerator, block, headRows(VALUE, key, keys, kvHead, params.kvHeads));
    }
    let factor = weight / rowSum(divisor);
    for (var slab = 0u; slab < SLABS; slab++) {
      sum[slab] += scaleRows(numerator[slab], factor);
    }
  }
  let ordinary = headRows(OWN, token, count, head, params.heads);
  for (var slab = 0u; slab < SLABS; slab++) {
    var rows = sum[slab];
    let vector = tileColumn(slab);
    for (var r = 0u; r < 4u; r++) {
      let row = tileRows()[r];
      if (row < count && vector < VECTORS) {
        let value = headVector(ordinary, row, vector) + rows[r];
        let pair = ordinary.first + row * ordinary.stride + 2u * vector;
        out[pair] = value.xy;
        if (4u * vector + 2u < HEAD_DIM) {
          out[pair + 1u] = value.zw;
        }
      }
    }
  }
}
