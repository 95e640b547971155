// ∂L/∂q_i[t, h] (+)= scale · Σ_{j read by i} Σ_m ∂L/∂s_m · K_jm of the in-batch attention, for software GPUs, with λ, ŵ of
// statistics.tiled.wgsl, c of divisors.wgsl and u = ∂L/∂out_i[t, h]:
//   R_m = e^{s_m − λ},   ∂L/∂s_m = gate · A_ij · R_m · (⟨u, V_jm⟩ − ŵ · c_jm)
//
// Bindings as in queryGradient.tiled.wgsl: q, u, queryGradient: [T, H, headDim]   k, v: [T, G, headDim]   c: [T, G]
// state: as lib/pairTable.wgsl has it
//
// One workgroup per (query tile x of chunk z, head and slab of its numbers y): it owns its part of the result. How threads share
// the work, and why without workgroup memory: lib/attentionDirect.wgsl.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> k: array<vec4f>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read> u: array<vec4f>;
@group(0) @binding(6) var<storage, read> c: array<f32>;
@group(0) @binding(7) var<storage, read> state: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> queryGradient: array<vec2f>;
//!include attentionDirectGradient

/// [vector, row] of the slab.
var<private> sums: array<vec4f, 4u * SLAB>;

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
  let chunk = chunkAt(group.z);
  let first = group.x * TILE;
  if (first >= chunk.tokens) {
    return;
  }
  let head = group.y / SLABS;
  let slab = group.y % SLABS;
  let kvHead = head / (params.heads / params.kvHeads);
  let queries = vec4u(first + 4u * thread) + STEPS;
  let inChunk = min(queries, vec4u(chunk.tokens - 1u));
  let own = headStarts(chunk.firstToken + inChunk, head, params.heads);
  let width = slabWidth(slab);
  keepOwn(own);
  keepOwnOfProducts(own);
  for (var slot = chunk.firstSlot; slot < chunk.firstSlot + chunk.pairs; slot++) {
    let weight = state[slot].x;
    if (weight == 0.0) {
      continue;
    }
    let pair = pairAt(slot);
    let context = chunkAt(pair.context);
    let keys = context.tokens;
    let at = stateIndex(pair, chunk.tokens, head, 0u) + inChunk;
    let known = transpose(mat4x2f(state[at.x], state[at.y], state[at.z], state[at.w]));
    for (var key = 0u; key < keys; key += 4u) {
      let tokens = context.firstToken + min(vec4u(key) + STEPS, vec4u(keys - 1u));
      let others = headStarts(tokens, kvHead, params.kvHeads);
      let shares = tokens * params.kvHeads + kvHead;
      let score = scores(own, others);
      let along = products(own, others);
      let exists = select(vec4f(), vec4f(weight), vec4u(key) + STEPS < vec4u(keys));
      let ofRow = transpose(mat4x4f(
        exists.x * change(score[0], along[0], known[0], known[1] * c[shares.x]),
        exists.y * change(score[1], along[1], known[0], known[1] * c[shares.y]),
        exists.z * change(score[2], along[2], known[0], known[1] * c[shares.z]),
        exists.w * change(score[3], along[3], known[0], known[1] * c[shares.w]),
      ));
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let rows = mat4x4f(
          otherOfScores(others.x, vector),
          otherOfScores(others.y, vector),
          otherOfScores(others.z, vector),
          otherOfScores(others.w, vector),
        );
        sums[4u * n] += rows * ofRow[0];
        sums[4u * n + 1u] += rows * ofRow[1];
        sums[4u * n + 2u] += rows * ofRow[2];
        sums[4u * n + 3u] += rows * ofRow[3];
      }
    }
  }
  for (var row = 0u; row < 4u; row++) {
    if (queries[row] < chunk.tokens) {
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let value = params.scale * sums[4u * n + row];
        let at = own[row] / 2u + 2u * vector;
        write(at, value.xy);
        if (4u * vector + 2u < HEAD_DIM) {
          write(at + 1u, value.zw);
        }
      }
    }
  }
}

/// R_m · (⟨u, V_m⟩ − ŵ · c_m) of four queries for one key.
fn change(score: vec4f, along: vec4f, lambda: vec4f, share: vec4f) -> vec4f {
  return exp(score * params.scale - lambda) * (along - share);
}

fn write(pair: u32, value: vec2f) {
  queryGradient[pair] = value + select(vec2f(), queryGradient[pair], params.accumulate == 1u);
}
