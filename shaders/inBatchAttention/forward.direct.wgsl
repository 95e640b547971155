// Similarity-weighted in-batch attention, added to ordinary self-attention, for software GPUs:
//   out_i[t, h] = own_i[t, h] + gate · Σ_{j read by i} A_ij · Ô_ij[t, h]
//   Ô_ij[t, h] = Σ_m e^{s_m} V_jm / Σ_m e^{s_m} c_jm,   s_m = ⟨q_i[t, h], K_jm⟩ · scale,   m over all tokens of chunk j
//
// Bindings as in forward.tiled.wgsl: own, q, out: [T, H, headDim]   k, v: [T, G, headDim]   c: [T, G]   attention: [B, B]
//
// One workgroup per (query tile x of chunk z, head and slab of its numbers y), walking over the chunks that z reads and their keys
// with a running maximum (online softmax). Each chunk j has a softmax of its own: its numerator is folded into the sum with the
// weight A_ij when its last key is done. Pairs whose A_ij is exactly 0 cost one load. How threads share the work, and why without
// workgroup memory: lib/attentionDirect.wgsl.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, kvHeads: u32, scale: f32, gate: f32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> own: array<vec2f>;
@group(0) @binding(3) var<storage, read> q: array<vec4f>;
@group(0) @binding(4) var<storage, read> k: array<vec4f>;
@group(0) @binding(5) var<storage, read> v: array<vec4f>;
@group(0) @binding(6) var<storage, read> c: array<f32>;
@group(0) @binding(7) var<storage, read> attention: array<f32>;
@group(0) @binding(8) var<storage, read_write> out: array<vec2f>;
//!include attentionDirect

/// [vector, row] of the slab: of the chunk at hand, and of all.
var<private> numerators: array<vec4f, 4u * SLAB>;
var<private> sums: array<vec4f, 4u * SLAB>;

fn ownOfScores(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(q[at / 4u], q[(at + 2u) / 4u], at, vector);
}

fn otherOfScores(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
}

fn valueVector(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
}

/// The scores of four queries for one key, below all others where the key does not exist.
fn masked(score: vec4f, key: u32, keys: u32) -> vec4f {
  return select(vec4f(LOWEST), score * params.scale, key < keys);
}

fn weigh(score: vec4f, highest: vec4f, key: u32, keys: u32) -> vec4f {
  return select(vec4f(), exp(score - highest), key < keys);
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
  let rows = headStarts(chunk.firstToken + min(queries, vec4u(chunk.tokens - 1u)), head, params.heads);
  let width = slabWidth(slab);
  keepOwn(rows);
  for (var slot = chunk.firstSlot; slot < chunk.firstSlot + chunk.pairs; slot++) {
    let j = pairAt(slot).context;
    let weight = params.gate * attention[group.z * params.chunks + j];
    if (weight == 0.0) {
      continue;
    }
    let context = chunkAt(j);
    let keys = context.tokens;
    var divisor = vec4f();
    var highest = vec4f(LOWEST);
    for (var key = 0u; key < keys; key += 4u) {
      let tokens = context.firstToken + min(vec4u(key) + STEPS, vec4u(keys - 1u));
      let others = headStarts(tokens, kvHead, params.kvHeads);
      let block = scores(rows, others);
      let score0 = masked(block[0], key, keys);
      let score1 = masked(block[1], key + 1u, keys);
      let score2 = masked(block[2], key + 2u, keys);
      let score3 = masked(block[3], key + 3u, keys);
      let top = max(max(highest, max(score0, score1)), max(score2, score3));
      // 0 at the first keys: the numerators are still those of the chunk before.
      let shrink = select(exp(highest - top), vec4f(), vec4<bool>(key == 0u));
      highest = top;
      let weights = mat4x4f(
        weigh(score0, top, key, keys),
        weigh(score1, top, key + 1u, keys),
        weigh(score2, top, key + 2u, keys),
        weigh(score3, top, key + 3u, keys),
      );
      let shares = tokens * params.kvHeads + kvHead;
      divisor = divisor * shrink + weights * vec4f(c[shares.x], c[shares.y], c[shares.z], c[shares.w]);
      let ofRow = transpose(weights);
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let values = mat4x4f(
          valueVector(others.x, vector),
          valueVector(others.y, vector),
          valueVector(others.z, vector),
          valueVector(others.w, vector),
        );
        numerators[4u * n] = numerators[4u * n] * shrink.x + values * ofRow[0];
        numerators[4u * n + 1u] = numerators[4u * n + 1u] * shrink.y + values * ofRow[1];
        numerators[4u * n + 2u] = numerators[4u * n + 2u] * shrink.z + values * ofRow[2];
        numerators[4u * n + 3u] = numerators[4u * n + 3u] * shrink.w + values * ofRow[3];
      }
    }
    let factor = weight / divisor;
    for (var n = 0u; n < width; n++) {
      sums[4u * n] += numerators[4u * n] * factor.x;
      sums[4u * n + 1u] += numerators[4u * n + 1u] * factor.y;
      sums[4u * n + 2u] += numerators[4u * n + 2u] * factor.z;
      sums[4u * n + 3u] += numerators[4u * n + 3u] * factor.w;
    }
  }
  for (var row = 0u; row < 4u; row++) {
    if (queries[row] < chunk.tokens) {
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let value = sums[4u * n + row];
        let pair = rows[row] / 2u + 2u * vector;
        out[pair] = own[pair] + value.xy;
        if (4u * vector + 2u < HEAD_DIM) {
          out[pair + 1u] = own[pair + 1u] + value.zw;
        }
      }
    }
  }
}
