// First step of the in-batch attention's backward pass: the two numbers per (pair read, head, query token) that the other
// steps need, with s and c as in forward.tiled.wgsl and u = ∂L/∂out_i[t, h]:
//   λ = log Σ_m e^{s_m} c_m         so that R_m = e^{s_m − λ} has Ô = Σ_m R_m V_m and Σ_m R_m c_m = 1
//   ŵ = ⟨u, Ô⟩ = Σ_m R_m ⟨u, V_m⟩    so that ∂L/∂A_ij = gate · Σ_{t,h} ŵ
//
// q, u: [T, H, headDim]   k, v: [T, G, headDim]   c: [T, G]   attention: [B, B]
// state: one (gate · A_ij, 0) per slot, then the (λ, ŵ): stateIndex() in lib/pairTable.wgsl
//
// One workgroup per (tile x of queries and of the heads of KV head y, slot z). Each thread keeps maximum, divisor and numerator of its own keys; the
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
  let first = group.x * ROWS;
  if (first >= chunk.tokens * GROUP) {
    return;
  }
  let context = chunkAt(pair.context);
  let kvHead = group.y;
  let count = chunk.tokens * GROUP - first;
  let queries = groupRows(QUERY, chunk.firstToken, first, count, kvHead, params.heads);
  let gradients = groupRows(GRADIENT, chunk.firstToken, first, count, kvHead, params.heads);
  var running = Running(vec4f(LOWEST), vec4f(), vec4f());
  for (var firstKey = 0u; firstKey < context.tokens; firstKey += TILE) {
    let key = context.firstToken + firstKey;
    let keys = context.tokens - firstKey;
    let score = scores(queries, headRows(KEY, key, keys, kvHead, params.kvHeads));
    let along = scores(gradients, headRows(VALUE, key, keys, kvHead, params.kvHeads));
    running = withKey(running, key, 0u, keys, kvHead, score.column0, along.column0);
    running = withKey(running, key, 1u, keys, kvHead, score.column1, along.column1);
    if (COLUMNS > 2u) {
      running = withKey(running, key, 2u, keys, kvHead, score.column2, along.column2);
      running = withKey(running, key, 3u, keys, kvHead, score.column3, along.column3);
    }
  }
  // A thread that had no key still has the lowest maximum, and counts exp(LOWEST − top) = 0.
  let top = maximumAcross(running.highest, thread);
  let shrink = exp(running.highest - top);
  let divisors = sumAcross(running.divisor * shrink, thread);
  let lambda = top + log(divisors);
  let along = sumAcross(running.numerator * shrink, thread) / divisors;
  if (thread % 8u == 0u) {
    let row = vec4u(first) + tileRows();
    let at = stateIndex(pair, chunk.tokens, kvHead * GROUP, 0u) + row % GROUP * chunk.tokens + row / GROUP;
    let rows = count - min(count, tileRow(0u));
    if (rows > 0u) { state[at.x] = vec2f(lambda.x, along.x); }
    if (rows > 1u) { state[at.y] = vec2f(lambda.y, along.y); }
    if (rows > 2u) { state[at.z] = vec2f(lambda.z, along.z); }
    if (rows > 3u) { state[at.w] = vec2f(lambda.w, along.w); }
  }
  if (thread == 0u && first == 0u && kvHead == 0u) {
    state[group.z] = vec2f(params.gate * attention[pair.query * params.chunks + pair.context], 0.0);
  }
}

/// Of the thread's four rows, over the keys so far: the highest score, Σ e^{s − highest} c and Σ e^{s − highest} ⟨u, V⟩.
struct Running { highest: vec4f, divisor: vec4f, numerator: vec4f }

/// With the thread's column number n, if there is such a key.
fn withKey(before: Running, key: u32, n: u32, keys: u32, kvHead: u32, score: vec4f, along: vec4f) -> Running {
  if (tileColumn(n) >= keys) {
    return before;
  }
  let share = c[(key + tileColumn(n)) * params.kvHeads + kvHead];
  let s = score * params.scale;
  let top = max(before.highest, s);
  let shrink = exp(before.highest - top);
  let e = exp(s - top);
  return Running(top, before.divisor * shrink + e * share, before.numerator * shrink + e * along);
}
