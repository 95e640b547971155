// Causal self-attention inside each row, for software GPUs:
//   out[t, h] = Σ_{s ≤ t} p[t, s] · v[s, g],   p[t, s] = exp(q[t, h]·k[s, g] / √D − logSumExp[t, h]),   g = h / (heads / kvHeads)
//
// Bindings as in forward.tiled.wgsl: q, out: [T, heads · D]; k, v: [T, kvHeads · D]; statistics: [T, heads] of (logSumExp, unset);
// tiles: [tiles] of (first token of the row in T, length of the row, first token of the tile in the row, row).
//
// One workgroup per (tile of queries x, head and slab of its numbers y), which walks over the keys with a running maximum and sum
// per query (online softmax). How threads share the work, and why without workgroup memory: lib/attentionDirect.wgsl.

struct Params { groupOffset: vec3u, heads: u32, kvHeads: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> out: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>;
//!include attentionDirect

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

fn valueVector(start: u32, vector: u32) -> vec4f {
  let at = start + 4u * vector;
  return headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
}

/// The scores of four queries for one key, below all others where the query comes before the key.
fn masked(score: vec4f, key: u32, queries: vec4u) -> vec4f {
  return select(vec4f(LOWEST), score * params.scale, vec4u(key) <= queries);
}

fn weigh(score: vec4f, highest: vec4f, key: u32, queries: vec4u) -> vec4f {
  return select(vec4f(), exp(score - highest), vec4u(key) <= queries);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tiles[workgroup.x + params.groupOffset.x];
  let head = (workgroup.y + params.groupOffset.y) / SLABS;
  let slab = (workgroup.y + params.groupOffset.y) % SLABS;
  let kvHead = head / (params.heads / params.kvHeads);
  let queries = vec4u(tile.z + 4u * thread) + STEPS;
  let own = headStarts(tile.x + min(queries, vec4u(tile.y - 1u)), head, params.heads);
  let width = slabWidth(slab);
  keepOwn(own);
  var highest = vec4f(LOWEST);
  var total = vec4f();
  let keys = min(tile.z + TILE, tile.y);
  for (var key = 0u; key < keys; key += 4u) {
    let others = headStarts(tile.x + min(vec4u(key) + STEPS, vec4u(tile.y - 1u)), kvHead, params.kvHeads);
    let block = scores(own, others);
    let score0 = masked(block[0], key, queries);
    let score1 = masked(block[1], key + 1u, queries);
    let score2 = masked(block[2], key + 2u, queries);
    let score3 = masked(block[3], key + 3u, queries);
    // Every query sees key 0, so the maximum is a real score from the first block on.
    let top = max(max(highest, max(score0, score1)), max(score2, score3));
    let shrink = select(exp(highest - top), vec4f(), vec4<bool>(key == 0u));
    highest = top;
    let weights = mat4x4f(
      weigh(score0, top, key, queries),
      weigh(score1, top, key + 1u, queries),
      weigh(score2, top, key + 2u, queries),
      weigh(score3, top, key + 3u, queries),
    );
    total = total * shrink + (weights[0] + weights[1] + weights[2] + weights[3]);
    let ofRow = transpose(weights);
    for (var n = 0u; n < width; n++) {
      let vector = slab * SLAB + n;
      let values = mat4x4f(
        valueVector(others.x, vector),
        valueVector(others.y, vector),
        valueVector(others.z, vector),
        valueVector(others.w, vector),
      );
      sums[4u * n] = sums[4u * n] * shrink.x + values * ofRow[0];
      sums[4u * n + 1u] = sums[4u * n + 1u] * shrink.y + values * ofRow[1];
      sums[4u * n + 2u] = sums[4u * n + 2u] * shrink.z + values * ofRow[2];
      sums[4u * n + 3u] = sums[4u * n + 3u] * shrink.w + values * ofRow[3];
    }
  }
  let logarithms = highest + log(total);
  for (var row = 0u; row < 4u; row++) {
    if (queries[row] < tile.y) {
      if (slab == 0u) {
        statistics[2u * ((tile.x + queries[row]) * params.heads + head)] = logarithms[row];
      }
      for (var n = 0u; n < width; n++) {
        let vector = slab * SLAB + n;
        let value = sums[4u * n + row] / total[row];
        let at = own[row] / 2u + 2u * vector;
        out[at] = value.xy;
        if (4u * vector + 2u < HEAD_DIM) {
          out[at + 1u] = value.zw;
        }
      }
    }
  }
}
