// Gradient of causal attention for its queries, for software GPUs, with the weights recomputed from logSumExp:
//   queryGradient[t, h] (+)= scale · Σ_{s ≤ t} p[t, s] · (gradient[t, h]·v[s, g] − Δ[t, h]) · k[s, g]
//   p[t, s] = exp(scale · q[t, h]·k[s, g] − logSumExp[t, h])
//
//   Δ[t, h] = Σ_d gradient[t, h, d] · out[t, h, d]
//
// Bindings as in queryGradient.tiled.wgsl: q, gradient, out, queryGradient: [T, heads · D]; k, v: [T, kvHeads · D];
// statistics: [T, heads] of (logSumExp, Δ), where Δ is written; tiles: [tiles] as in forward.direct.wgsl.
//
// One workgroup per (tile of queries x, head and slab of its numbers y), which walks over the keys; how threads share the work,
// and why without workgroup memory: lib/attentionDirect.wgsl.

struct Params { groupOffset: vec3u, heads: u32, kvHeads: u32, scale: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(7) var<storage, read_write> queryGradient: array<vec2f>;
@group(0) @binding(8) var<storage, read> out: array<vec2f>;
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
  return headVector(gradient[at / 4u], gradient[(at + 2u) / 4u], at, vector);
}

fn otherOfProducts(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
}

/// p · (product − Δ) of four queries for one key. p ≤ 1, so the clamp only keeps masked pairs from overflowing.
fn change(score: vec4f, product: vec4f, logSumExp: vec4f, delta: vec4f, key: u32, queries: vec4u) -> vec4f {
  let weight = exp(min(score * params.scale - logSumExp, vec4f()));
  return select(vec4f(), weight * (product - delta), vec4u(key) <= queries);
}

/// Δ of the head that begins at number `start`.
fn deltaOf(start: u32) -> f32 {
  var sum = 0.0;
  for (var pair = start / 2u; pair < (start + HEAD_DIM) / 2u; pair++) {
    let pairs = gradient[pair / 2u];
    sum += dot(select(pairs.xy, pairs.zw, pair % 2u == 1u), out[pair]);
  }
  return sum;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tiles[workgroup.x + params.groupOffset.x];
  let head = (workgroup.y + params.groupOffset.y) / SLABS;
  let slab = (workgroup.y + params.groupOffset.y) % SLABS;
  let kvHead = head / (params.heads / params.kvHeads);
  let queries = vec4u(tile.z + 4u * thread) + STEPS;
  let tokens = tile.x + min(queries, vec4u(tile.y - 1u));
  let own = headStarts(tokens, head, params.heads);
  let width = slabWidth(slab);
  keepOwn(own);
  keepOwnOfProducts(own);
  let at = tokens * params.heads + head;
  let logSumExp = vec4f(statistics[2u * at.x], statistics[2u * at.y], statistics[2u * at.z], statistics[2u * at.w]);
  let delta = vec4f(deltaOf(own.x), deltaOf(own.y), deltaOf(own.z), deltaOf(own.w));
  let keys = min(tile.z + TILE, tile.y);
  for (var key = 0u; key < keys; key += 4u) {
    let others = headStarts(tile.x + min(vec4u(key) + STEPS, vec4u(tile.y - 1u)), kvHead, params.kvHeads);
    let score = scores(own, others);
    let product = products(own, others);
    let ofRow = transpose(mat4x4f(
      change(score[0], product[0], logSumExp, delta, key, queries),
      change(score[1], product[1], logSumExp, delta, key + 1u, queries),
      change(score[2], product[2], logSumExp, delta, key + 2u, queries),
      change(score[3], product[3], logSumExp, delta, key + 3u, queries),
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
  for (var row = 0u; row < 4u; row++) {
    if (queries[row] < tile.y) {
      if (slab == 0u) {
        statistics[2u * at[row] + 1u] = delta[row];
      }
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let value = params.scale * sums[4u * n + row];
        let pair = own[row] / 2u + 2u * vector;
        write(pair, value.xy);
        if (4u * vector + 2u < HEAD_DIM) {
          write(pair + 1u, value.zw);
        }
      }
    }
  }
}

fn write(pair: u32, value: vec2f) {
  queryGradient[pair] = value + select(vec2f(), queryGradient[pair], params.accumulate == 1u);
}
