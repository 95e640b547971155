// First step of the in-batch attention's backward pass: the two numbers per (pair read, head, query token) that the other
// steps need, with s and c as in forward.tiled.wgsl and u = ∂L/∂out_i[t, h]:
//   λ = log Σ_m e^{s_m} c_m         so that R_m = e^{s_m − λ} has Ô = Σ_m R_m V_m and Σ_m R_m c_m = 1
//   ŵ = ⟨u, Ô⟩ = Σ_m R_m ⟨u, V_m⟩    so that ∂L/∂A_ij = gate · Σ_{t,h} ŵ
//
// q, u: [T, H, headDim]   k, v: [T, G, headDim]   c: [T, G]   attention: [B, B]
// state: one (gate · A_ij, 0) per slot, then the (λ, ŵ): stateIndex() in lib/pairTable.wgsl
//
// One workgroup per (query tile x, head y, slot z). Each thread keeps maximum, divisor and numerator of its own keys; the
// eight threads of a row meet once, at the end.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, gate: f32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> q: array<vec2f>;
@group(0) @binding(3) var<storage, read> k: array<vec2f>;
@group(0) @binding(4) var<storage, read> v: array<vec2f>;
@group(0) @binding(5) var<storage, read> u: array<vec2f>;
@group(0) @binding(6) var<storage, read> c: array<f32>;
@group(0) @binding(7) var<storage, read> attention: array<f32>;
@group(0) @binding(8) var<storage, read_write> state: array<vec2f>;
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
  let pair = pairAt(group.z);
  let chunk = chunkAt(pair.query);
  let first = group.x * TILE;
  if (first >= chunk.tokens) {
    return;
  }
  let context = chunkAt(pair.context);
  let head = group.y;
  let kvHead = head / (params.heads / params.kvHeads);
  let token = chunk.firstToken + first;
  let count = chunk.tokens - first;
  let queries = headRows(QUERY, token, count, head, params.heads);
  let gradients = headRows(GRADIENT, token, count, head, params.heads);
  var highest = vec4f(LOWEST);
  var divisor = vec4f();
  var numerator = vec4f();
  for (var firstKey = 0u; firstKey < context.tokens; firstKey += TILE) {
    let key = context.firstToken + firstKey;
    let keys = context.tokens - firstKey;
    var score = scores(queries, headRows(KEY, key, keys, kvHead, params.kvHeads));
    var along = scores(gradients, headRows(VALUE, key, keys, kvHead, params.kvHeads));
    for (var n = 0u; n < COLUMNS; n++) {
      if (tileColumn(n) < keys) {
        let share = c[(key + tileColumn(n)) * params.kvHeads + kvHead];
        let s = score[n] * params.scale;
        let top = max(highest, s);
        let shrink = exp(highest - top);
        let e = exp(s - top);
        divisor = divisor * shrink + e * share;
        numerator = numerator * shrink + e * along[n];
        highest = top;
      }
    }
  }
  // A thread that had no key still has the lowest maximum, and counts exp(LOWEST − top) = 0.
  let top = rowMaximum(highest);
  let shrink = exp(highest - top);
  let divisors = rowSum(divisor * shrink);
  let lambda = top + log(divisors);
  let along = rowSum(numerator * shrink) / divisors;
  for (var r = 0u; r < 4u; r++) {
    let row = tileRows()[r];
    if (thread % 8u == 0u && row < count) {
      state[stateIndex(pair, chunk.tokens, head, first + row)] = vec2f(lambda[r], along[r]);
    }
  }
  if (thread == 0u && first == 0u && head == 0u) {
    state[group.z] = vec2f(params.gate * attention[pair.query * params.chunks + pair.context], 0.0);
  }
}
