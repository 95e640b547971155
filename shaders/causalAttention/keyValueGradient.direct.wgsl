// Gradients of causal attention for its keys and values, for software GPUs, with the weights recomputed from logSumExp:
//   valueGradient[s, g] (+)= Σ_{h of g} Σ_{t ≥ s} p[t, s] · gradient[t, h]
//   keyGradient[s, g]   (+)= Σ_{h of g} Σ_{t ≥ s} p[t, s] · (gradient[t, h]·v[s, g] − Δ[t, h]) · scale · q[t, h]
//   p[t, s] = exp(scale · q[t, h]·k[s, g] − logSumExp[t, h])
//
// Bindings as in keyValueGradient.tiled.wgsl: q, gradient: [T, heads · D]; k, v, keyGradient, valueGradient:
// [T, kvHeads · D]; statistics: [T, heads] of (logSumExp, Δ); tiles: [tiles] as in forward.direct.wgsl.
//
// One workgroup per (tile of keys x, KV head and slab of its numbers y), which walks over its query heads and their queries from the
// tile's first token on: every number has one writer. Rows are keys here, and the other side queries. How threads share the work,
// and why without workgroup memory: lib/attentionDirect.wgsl.

struct Params { groupOffset: vec3u, heads: u32, kvHeads: u32, scale: f32, accumulateKey: u32, accumulateValue: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read> statistics: array<vec2f>;
@group(0) @binding(6) var<storage, read> tiles: array<vec4u>;
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
  return headVector(gradient[at / 4u], gradient[(at + 2u) / 4u], at, vector);
}

/// p of one query for four keys. p ≤ 1, so the clamp only keeps masked pairs from overflowing.
fn weigh(score: vec4f, logSumExp: f32, query: u32, keys: vec4u, length: u32) -> vec4f {
  let allowed = (keys <= vec4u(query)) & vec4<bool>(query < length);
  return select(vec4f(), exp(min(score * params.scale - logSumExp, vec4f())), allowed);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tiles[workgroup.x + params.groupOffset.x];
  let kvHead = (workgroup.y + params.groupOffset.y) / SLABS;
  let slab = (workgroup.y + params.groupOffset.y) % SLABS;
  let group = params.heads / params.kvHeads;
  let keys = vec4u(tile.z + 4u * thread) + STEPS;
  let own = headStarts(tile.x + min(keys, vec4u(tile.y - 1u)), kvHead, params.kvHeads);
  let width = slabWidth(slab);
  keepOwn(own);
  keepOwnOfProducts(own);
  for (var head = kvHead * group; head < (kvHead + 1u) * group; head++) {
    for (var query = tile.z; query < tile.y; query += 4u) {
      let tokens = tile.x + min(vec4u(query) + STEPS, vec4u(tile.y - 1u));
      let others = headStarts(tokens, head, params.heads);
      let at = tokens * params.heads + head;
      let known = transpose(mat4x2f(statistics[at.x], statistics[at.y], statistics[at.z], statistics[at.w]));
      let score = scores(own, others);
      let product = products(own, others);
      let weights = mat4x4f(
        weigh(score[0], known[0].x, query, keys, tile.y),
        weigh(score[1], known[0].y, query + 1u, keys, tile.y),
        weigh(score[2], known[0].z, query + 2u, keys, tile.y),
        weigh(score[3], known[0].w, query + 3u, keys, tile.y),
      );
      let changes = transpose(mat4x4f(
        weights[0] * (product[0] - known[1].x),
        weights[1] * (product[1] - known[1].y),
        weights[2] * (product[2] - known[1].z),
        weights[3] * (product[3] - known[1].w),
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
  for (var row = 0u; row < 4u; row++) {
    if (keys[row] < tile.y) {
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let key = params.scale * keySums[4u * n + row];
        let value = valueSums[4u * n + row];
        let pair = own[row] / 2u + 2u * vector;
        write(pair, key.xy, value.xy);
        if (4u * vector + 2u < HEAD_DIM) {
          write(pair + 1u, key.zw, value.zw);
        }
      }
    }
  }
}

fn write(pair: u32, key: vec2f, value: vec2f) {
  keyGradient[pair] = key + select(vec2f(), keyGradient[pair], params.accumulateKey == 1u);
  valueGradient[pair] = value + select(vec2f(), valueGradient[pair], params.accumulateValue == 1u);
}
