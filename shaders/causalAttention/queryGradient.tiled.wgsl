// Gradient of causal attention for its queries, with the weights recomputed from logSumExp (FlashAttention's backward):
//   queryGradient[t, h] (+)= scale · Σ_{s ≤ t} w[t, s] · k[s, g]
//   w[t, s] = p[t, s] · (gradient[t, h]·v[s, g] − Δ[t, h]),   p[t, s] = exp(scale · q[t, h]·k[s, g] − logSumExp[t, h])
//   Δ[t, h] = Σ_d gradient[t, h, d] · out[t, h, d]
//
// q, gradient, out, queryGradient: [T, heads · D]; k, v: [T, kvHeads · D]; statistics: [T, heads] of (logSumExp, Δ): the former is there,
// the latter is written, for keyValueGradient.tiled.wgsl. tiles: as in forward.tiled.wgsl. params.accumulate: add to queryGradient instead of overwriting it.
//
// One workgroup per (tile of TILE queries, head), which walks over the key tiles up to its own: every number has one
// writer, no atomics. Thread layout and memory: lib/attentionTile.wgsl; rows are queries, columns keys.

//!include attentionTile
//!include acrossRows

struct Params { groupOffset: vec3u, heads: u32, kvHeads: u32, scale: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(6) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(7) var<storage, read_write> queryGradient: array<f32>;
@group(0) @binding(8) var<storage, read> out: array<vec2f>;

/// Queries and keys (ofGradient false), or output gradients and values.
fn stageScores(tile: vec4u, keyTile: u32, head: u32, kvHead: u32, chunk: u32, thread: u32, ofGradient: bool) {
  for (var i = thread; i < TILE * SCORE_WIDTH; i += THREADS) {
    let token = i / SCORE_WIDTH;
    let c = i % SCORE_WIDTH;
    let vector = chunk * SCORE_WIDTH + c;
    var left = vec4f();
    var right = vec4f();
    if (vector < VECTORS && tile.z + token < tile.y) {
      let at = ((tile.x + tile.z + token) * params.heads + head) * HEAD_DIM + 4u * vector;
      if (ofGradient) {
        left = headVector(gradient[at / 4u], gradient[(at + 2u) / 4u], at, vector);
      } else {
        left = headVector(q[at / 4u], q[(at + 2u) / 4u], at, vector) * params.scale;
      }
    }
    if (vector < VECTORS && keyTile + token < tile.y) {
      let at = ((tile.x + keyTile + token) * params.kvHeads + kvHead) * HEAD_DIM + 4u * vector;
      if (ofGradient) {
        right = headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
      } else {
        right = headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
      }
    }
    staged[token * SCORE_STRIDE + c] = left;
    staged[(TILE + token) * SCORE_STRIDE + c] = right;
  }
}

fn stageKeys(tile: vec4u, keyTile: u32, kvHead: u32, chunk: u32, thread: u32) {
  for (var i = thread; i < TILE * OUT_WIDTH; i += THREADS) {
    let token = i / OUT_WIDTH;
    let c = i % OUT_WIDTH;
    let vector = chunk * OUT_WIDTH + c;
    var key = vec4f();
    if (vector < VECTORS && keyTile + token < tile.y) {
      let at = ((tile.x + keyTile + token) * params.kvHeads + kvHead) * HEAD_DIM + 4u * vector;
      key = headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
    }
    staged[token * OUT_STRIDE + c] = key;
  }
}

/// The thread's share of Δ of the head that begins at number `start`.
fn deltaShare(start: u32, across: u32) -> f32 {
  var sum = 0.0;
  for (var pair = start / 2u + across; pair < (start + HEAD_DIM) / 2u; pair += ACROSS) {
    let pairs = gradient[pair / 2u];
    sum += dot(select(pairs.xy, pairs.zw, pair % 2u == 1u), out[pair]);
  }
  return sum;
}

/// Δ of the thread's four rows, whose places in [T, heads] are given.
fn deltas(rows: vec4u, thread: u32) -> vec4f {
  let starts = rows * HEAD_DIM;
  let across = thread % ACROSS;
  let own = vec4f(
    deltaShare(starts.x, across), deltaShare(starts.y, across), deltaShare(starts.z, across), deltaShare(starts.w, across),
  );
  return sumAcross(own, thread);
}

/// w of one column; p ≤ 1, so the clamp only keeps masked pairs from overflowing.
fn weigh(score: vec4f, product: vec4f, logarithm: vec4f, delta: vec4f, allowed: vec4<bool>) -> vec4f {
  return select(vec4f(), exp(min(score - logarithm, vec4f())) * (product - delta), allowed);
}

/// Number by number, because a head of 4n + 2 numbers shares a vec4 with its neighbour; adjacent threads, adjacent numbers.
fn store(block: Block, tile: vec4u, head: u32, chunk: u32, thread: u32) {
  workgroupBarrier();
  stageBlock(block, thread / ACROSS, thread % ACROSS);
  workgroupBarrier();
  let width = min(4u * OUT_WIDTH, HEAD_DIM - 4u * chunk * OUT_WIDTH);
  let count = min(TILE, tile.y - tile.z) * width;
  for (var i = thread; i < count; i += THREADS) {
    let d = i % width;
    let at = ((tile.x + tile.z + i / width) * params.heads + head) * HEAD_DIM + 4u * chunk * OUT_WIDTH + d;
    var value = staged[(i / width) * OUT_STRIDE + d / 4u][d % 4u] * params.scale;
    if (params.accumulate != 0u) {
      value += queryGradient[at];
    }
    queryGradient[at] = value;
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tiles[workgroup.x + params.groupOffset.x];
  let head = workgroup.y + params.groupOffset.y;
  let kvHead = head / (params.heads / params.kvHeads);
  let down = thread / ACROSS;
  let across = thread % ACROSS;
  let queries = vec4u(tile.z + 4u * down) + vec4u(0u, 1u, 2u, 3u);
  // Queries past the row's end are computed with the last token's statistics and never stored.
  let tokens = (vec4u(tile.x) + min(queries, vec4u(tile.y - 1u))) * params.heads + head;
  let logarithm = vec4f(
    statistics[2u * tokens.x], statistics[2u * tokens.y], statistics[2u * tokens.z], statistics[2u * tokens.w],
  );
  let delta = deltas(tokens, thread);
  for (var row = across; row < 4u; row += ACROSS) {
    if (queries[row] < tile.y) { statistics[2u * tokens[row] + 1u] = delta[row]; }
  }
  var out0: Block;
  var out1: Block;
  for (var keyTile = 0u; keyTile <= tile.z; keyTile += TILE) {
    let columns = min(TILE, tile.y - keyTile);
    var scores = mat4x4f();
    var products = mat4x4f();
    for (var chunk = 0u; chunk < SCORE_CHUNKS; chunk++) {
      workgroupBarrier();
      stageScores(tile, keyTile, head, kvHead, chunk, thread, false);
      workgroupBarrier();
      addScores(&scores, down, across);
      workgroupBarrier();
      stageScores(tile, keyTile, head, kvHead, chunk, thread, true);
      workgroupBarrier();
      addScores(&products, down, across);
    }
    let key = vec4u(keyTile + across);
    weights[across * DOWN + down] = weigh(scores[0], products[0], logarithm, delta, key <= queries);
    if (SCORE_COLUMNS > 1u) {
      weights[(across + ACROSS) * DOWN + down] = weigh(scores[1], products[1], logarithm, delta, key + ACROSS <= queries);
    }
    if (SCORE_COLUMNS > 2u) {
      weights[(across + 2u * ACROSS) * DOWN + down] =
        weigh(scores[2], products[2], logarithm, delta, key + 2u * ACROSS <= queries);
      weights[(across + 3u * ACROSS) * DOWN + down] =
        weigh(scores[3], products[3], logarithm, delta, key + 3u * ACROSS <= queries);
    }
    workgroupBarrier();
    stageKeys(tile, keyTile, kvHead, 0u, thread);
    workgroupBarrier();
    addProduct(&out0, down, across, columns);
    if (OUT_CHUNKS > 1u) {
      workgroupBarrier();
      stageKeys(tile, keyTile, kvHead, 1u, thread);
      workgroupBarrier();
      addProduct(&out1, down, across, columns);
    }
  }
  store(out0, tile, head, 0u, thread);
  if (OUT_CHUNKS > 1u) {
    store(out1, tile, head, 1u, thread);
  }
}
