// First step of the in-batch attention's backward pass, for software GPUs: the two numbers per (pair read, head, query token)
// that the other steps need, with s and c as in forward.direct.wgsl and u = ∂L/∂out_i[t, h]:
//   λ = log Σ_m e^{s_m} c_m,   ŵ = ⟨u, Ô⟩ = Σ_m R_m ⟨u, V_m⟩   with R_m = e^{s_m − λ}
//
// Bindings as in statistics.tiled.wgsl: q, u: [T, H, headDim]   k, v: [T, G, headDim]   c: [T, G]   attention: [B, B]
// state: one (gate · A_ij, 0) per slot, then the (λ, ŵ): stateIndex() in lib/pairTable.wgsl
//
// One workgroup per (query tile x, head y, slot z), walking over the keys with a running maximum. How threads share the work, and
// why without workgroup memory: lib/attentionDirect.wgsl.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, gate: f32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> k: array<vec4f>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read> u: array<vec4f>;
@group(0) @binding(6) var<storage, read> c: array<f32>;
@group(0) @binding(7) var<storage, read> attention: array<f32>;
@group(0) @binding(8) var<storage, read_write> state: array<vec2f>;
//!include attentionDirectGradient

fn ownOfScores(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(q[at / 4u], q[(at + 2u) / 4u], at, vector);
}

fn otherOfScores(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
}

fn ownOfProducts(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(u[at / 4u], u[(at + 2u) / 4u], at, vector);
}

fn otherOfProducts(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let pair = pairAt(group.z);
  let chunk = chunkAt(pair.query);
  let first = group.x * TILE;
  if (first >= chunk.tokens) {
    return;
  }
  let context = chunkAt(pair.context);
  let keys = context.tokens;
  let head = group.y;
  let kvHead = head / (params.heads / params.kvHeads);
  let queries = vec4u(first + 4u * thread) + STEPS;
  let own = headStarts(chunk.firstToken + min(queries, vec4u(chunk.tokens - 1u)), head, params.heads);
  keepOwn(own);
  keepOwnOfProducts(own);
  var highest = vec4f(LOWEST);
  var divisor = vec4f();
  var numerator = vec4f();
  for (var key = 0u; key < keys; key += 4u) {
    let tokens = context.firstToken + min(vec4u(key) + STEPS, vec4u(keys - 1u));
    let others = headStarts(tokens, kvHead, params.kvHeads);
    // The last key repeated leaves the maximum as it is; only its weight must be 0.
    let score = scores(own, others) * params.scale;
    let along = products(own, others);
    let top = max(max(highest, max(score[0], score[1])), max(score[2], score[3]));
    let shrink = select(exp(highest - top), vec4f(), vec4<bool>(key == 0u));
    highest = top;
    let exists = select(vec4f(), vec4f(1.0), vec4u(key) + STEPS < vec4u(keys));
    let e0 = exp(score[0] - top) * exists.x;
    let e1 = exp(score[1] - top) * exists.y;
    let e2 = exp(score[2] - top) * exists.z;
    let e3 = exp(score[3] - top) * exists.w;
    let shares = tokens * params.kvHeads + kvHead;
    divisor = divisor * shrink + (e0 * c[shares.x] + e1 * c[shares.y] + e2 * c[shares.z] + e3 * c[shares.w]);
    numerator = numerator * shrink + (e0 * along[0] + e1 * along[1] + e2 * along[2] + e3 * along[3]);
  }
  let lambda = highest + log(divisor);
  let along = numerator / divisor;
  for (var row = 0u; row < 4u; row++) {
    if (queries[row] < chunk.tokens) {
      state[stateIndex(pair, chunk.tokens, head, queries[row])] = vec2f(lambda[row], along[row]);
    }
  }
  if (thread == 0u && first == 0u && head == 0u) {
    state[group.z] = vec2f(params.gate * attention[pair.query * params.chunks + pair.context], 0.0);
  }
}
