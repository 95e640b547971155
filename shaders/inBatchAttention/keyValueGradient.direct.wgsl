// ∂L/∂K_jm and ∂L/∂V_jm of the in-batch attention, for software GPUs: sums over the query chunks i that read j, the query heads h
// of the KV head, and their tokens t, with R, ŵ, c, u as in queryGradient.tiled.wgsl and W = gate · A_ij · R_m[t, h]:
//   ∂L/∂K_jm (+)= scale · Σ W · (⟨u, V_jm⟩ − ŵ · c_jm) · q_i[t, h]
//   ∂L/∂V_jm (+)= Σ W · u  −  (Σ W · ŵ) · V_jm / ‖V_jm‖       (last term with V-normalisation only; 0 where ‖V_jm‖ = 0)
//
// Bindings as in keyValueGradient.tiled.wgsl: q, u: [T, H, headDim]   k, v, keyGradient, valueGradient: [T, G, headDim]
// state: as lib/pairTable.wgsl has it
//
// One workgroup per (key tile x of chunk z, KV head and slab of its numbers y); rows are keys here, and the other side query tokens.
// It owns its part of both results, so there are no atomics and the order of the sums is fixed. How threads share the work, and
// why without workgroup memory: lib/attentionDirect.wgsl.

struct Params {
  groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, epsilon: f32,
  accumulateKeys: u32, accumulateValues: u32,
}

override V_NORM: bool;

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> k: array<vec4f>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read> u: array<vec4f>;
@group(0) @binding(6) var<storage, read> state: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> keyGradient: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> valueGradient: array<vec2f>;
//!include attentionDirectGradient

/// [vector, row] of the slab.
var<private> keySums: array<vec4f, 4u * SLAB>;
var<private> valueSums: array<vec4f, 4u * SLAB>;

fn ownOfScores(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
}

fn otherOfScores(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(q[at / 4u], q[(at + 2u) / 4u], at, vector);
}

fn ownOfProducts(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
}

fn otherOfProducts(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(u[at / 4u], u[(at + 2u) / 4u], at, vector);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let context = chunkAt(group.z);
  let first = group.x * TILE;
  if (first >= context.tokens) {
    return;
  }
  let kvHead = group.y / SLABS;
  let slab = group.y % SLABS;
  let groupHeads = params.heads / params.kvHeads;
  let keys = vec4u(first + 4u * thread) + STEPS;
  let own = headStarts(context.firstToken + min(keys, vec4u(context.tokens - 1u)), kvHead, params.kvHeads);
  let width = slabWidth(slab);
  keepOwn(own);
  keepOwnOfProducts(own);
  let norm = valueNorms(own);
  let share = select(vec4f(1.0), norm + params.epsilon, V_NORM);
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
      let firstState = stateIndex(pair, chunk.tokens, head, 0u);
      for (var query = 0u; query < chunk.tokens; query += 4u) {
        let inChunk = min(vec4u(query) + STEPS, vec4u(chunk.tokens - 1u));
        let others = headStarts(chunk.firstToken + inChunk, head, params.heads);
        let at = firstState + inChunk;
        let known = transpose(mat4x2f(state[at.x], state[at.y], state[at.z], state[at.w]));
        let exists = select(vec4f(), vec4f(weight), vec4u(query) + STEPS < vec4u(chunk.tokens));
        let score = scores(own, others);
        let along = products(own, others);
        let weights = mat4x4f(
          exists.x * exp(score[0] * params.scale - known[0].x),
          exists.y * exp(score[1] * params.scale - known[0].y),
          exists.z * exp(score[2] * params.scale - known[0].z),
          exists.w * exp(score[3] * params.scale - known[0].w),
        );
        pull += weights * known[1];
        let changes = transpose(mat4x4f(
          weights[0] * (along[0] - known[1].x * share),
          weights[1] * (along[1] - known[1].y * share),
          weights[2] * (along[2] - known[1].z * share),
          weights[3] * (along[3] - known[1].w * share),
        ));
        let ofRow = transpose(weights);
        for (var n = 0u; n < width; n++) {
          let vector = slab * SLAB + n;
          let gradients = mat4x4f(
            otherOfProducts(others.x, vector),
            otherOfProducts(others.y, vector),
            otherOfProducts(others.z, vector),
            otherOfProducts(others.w, vector),
          );
          valueSums[4u * n] += gradients * ofRow[0];
          valueSums[4u * n + 1u] += gradients * ofRow[1];
          valueSums[4u * n + 2u] += gradients * ofRow[2];
          valueSums[4u * n + 3u] += gradients * ofRow[3];
          let queries = mat4x4f(
            otherOfScores(others.x, vector),
            otherOfScores(others.y, vector),
            otherOfScores(others.z, vector),
            otherOfScores(others.w, vector),
          );
          keySums[4u * n] += queries * changes[0];
          keySums[4u * n + 1u] += queries * changes[1];
          keySums[4u * n + 2u] += queries * changes[2];
          keySums[4u * n + 3u] += queries * changes[3];
        }
      }
    }
  }
  for (var row = 0u; row < 4u; row++) {
    if (keys[row] < context.tokens) {
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let key = params.scale * keySums[4u * n + row];
        var value = valueSums[4u * n + row];
        if (V_NORM && norm[row] > 0.0) {
          value -= pull[row] / norm[row] * ownOfProducts(own[row], vector);
        }
        let pair = own[row] / 2u + 2u * vector;
        write(pair, key.xy, value.xy);
        if (4u * vector + 2u < HEAD_DIM) {
          write(pair + 1u, key.zw, value.zw);
        }
      }
    }
  }
}

/// ‖V‖₂ of the thread's rows.
fn valueNorms(own: vec4u) -> vec4f {
  var squares = vec4f();
  for (var vector = 0u; vector < VECTORS; vector++) {
    for (var row = 0u; row < 4u; row++) {
      let numbers = ownOfProducts(own[row], vector);
      squares[row] += dot(numbers, numbers);
    }
  }
  return sqrt(squares);
}

fn write(pair: u32, key: vec2f, value: vec2f) {
  keyGradient[pair] = key + select(vec2f(), keyGradient[pair], params.accumulateKeys == 1u);
  valueGradient[pair] = value + select(vec2f(), valueGradient[pair], params.accumulateValues == 1u);
}
