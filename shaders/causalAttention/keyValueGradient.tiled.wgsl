// Gradients of causal attention for its keys and values, with the weights recomputed from logSumExp:
//   valueGradient[s, g] (+)= Σ_{h of g} Σ_{t ≥ s} p[t, s] · gradient[t, h]
//   keyGradient[s, g]   (+)= Σ_{h of g} Σ_{t ≥ s} p[t, s] · (gradient[t, h]·v[s, g] − Δ[t, h]) · scale · q[t, h]
//   p[t, s] = exp(scale · q[t, h]·k[s, g] − logSumExp[t, h])
//
// q, gradient: [T, heads · D]; k, v: [T, kvHeads · D]; statistics: [T, heads] of (logSumExp, Δ). tiles: as in
// forward.tiled.wgsl. keyGradient, valueGradient: [splits, T, kvHeads · D]: the query heads of a group are shared
// out among `splits` workgroups when there would be too few of them to fill the GPU; headSplits/sum.wgsl adds up.
//
// One workgroup per (tile of TILE keys, KV head and split), which walks over its query heads and the query tiles from
// its own on: every number has one writer, no atomics. Thread layout and memory: lib/attentionTile.wgsl; here rows are
// keys and columns queries.

//!include attentionTile

struct Params { groupOffset: vec3u, heads: u32, kvHeads: u32, tokens: u32, splits: u32, scale: f32, accumulateKey: u32, accumulateValue: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read> statistics: array<vec2f>;
@group(0) @binding(6) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(7) var<storage, read_write> keyGradient: array<f32>;
@group(0) @binding(8) var<storage, read_write> valueGradient: array<f32>;

/// Vector of a query (scaled), or of the output's gradient there; zero past the row's end.
fn queryVector(tile: vec4u, query: u32, head: u32, vector: u32, ofGradient: bool) -> vec4f {
  if (vector >= VECTORS || query >= tile.y) {
    return vec4f();
  }
  let at = ((tile.x + query) * params.heads + head) * HEAD_DIM + 4u * vector;
  if (ofGradient) {
    return headVector(gradient[at / 4u], gradient[(at + 2u) / 4u], at, vector);
  }
  return headVector(q[at / 4u], q[(at + 2u) / 4u], at, vector) * params.scale;
}

/// Keys and queries (ofGradient false), or values and output gradients.
fn stageScores(tile: vec4u, queryTile: u32, head: u32, kvHead: u32, chunk: u32, thread: u32, ofGradient: bool) {
  for (var i = thread; i < TILE * SCORE_WIDTH; i += THREADS) {
    let token = i / SCORE_WIDTH;
    let c = i % SCORE_WIDTH;
    let vector = chunk * SCORE_WIDTH + c;
    var left = vec4f();
    if (vector < VECTORS && tile.z + token < tile.y) {
      let at = ((tile.x + tile.z + token) * params.kvHeads + kvHead) * HEAD_DIM + 4u * vector;
      if (ofGradient) {
        left = headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
      } else {
        left = headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
      }
    }
    staged[token * SCORE_STRIDE + c] = left;
    staged[(TILE + token) * SCORE_STRIDE + c] = queryVector(tile, queryTile + token, head, vector, ofGradient);
  }
}

fn stageQueries(tile: vec4u, queryTile: u32, head: u32, chunk: u32, thread: u32, ofGradient: bool) {
  for (var i = thread; i < TILE * OUT_WIDTH; i += THREADS) {
    let token = i / OUT_WIDTH;
    let c = i % OUT_WIDTH;
    staged[token * OUT_STRIDE + c] = queryVector(tile, queryTile + token, head, chunk * OUT_WIDTH + c, ofGradient);
  }
}

/// (logSumExp, Δ) of a query; past the row's end those of its last token, which nothing comes of.
fn ofQuery(tile: vec4u, query: u32, head: u32) -> vec2f {
  return statistics[(tile.x + min(query, tile.y - 1u)) * params.heads + head];
}

/// Puts p of one query (a column) for four keys into the weights, and returns it. p ≤ 1, so the clamp only keeps masked
/// pairs from overflowing.
fn weigh(score: vec4f, tile: vec4u, queryTile: u32, head: u32, column: u32, down: u32) -> vec4f {
  let query = queryTile + column;
  let keys = vec4u(tile.z + 4u * down) + vec4u(0u, 1u, 2u, 3u);
  let allowed = (keys <= vec4u(query)) & vec4<bool>(query < tile.y);
  let weight = select(vec4f(), exp(min(score - ofQuery(tile, query, head).x, vec4f())), allowed);
  weights[column * DOWN + down] = weight;
  return weight;
}

/// Puts p · (product − Δ) of one query for four keys into the weights.
fn weighGradient(weight: vec4f, product: vec4f, tile: vec4u, queryTile: u32, head: u32, column: u32, down: u32) {
  weights[column * DOWN + down] = weight * (product - ofQuery(tile, queryTile + column, head).y);
}

/// Number by number, because a head of 4n + 2 numbers shares a vec4 with its neighbour; adjacent threads, adjacent numbers.
/// place: (KV head, split).
fn store(block: Block, tile: vec4u, place: vec2u, chunk: u32, thread: u32, ofKeys: bool) {
  workgroupBarrier();
  stageBlock(block, thread / ACROSS, thread % ACROSS);
  workgroupBarrier();
  let width = min(4u * OUT_WIDTH, HEAD_DIM - 4u * chunk * OUT_WIDTH);
  let count = min(TILE, tile.y - tile.z) * width;
  let first = place.y * params.tokens + tile.x + tile.z;
  for (var i = thread; i < count; i += THREADS) {
    let d = i % width;
    let at = ((first + i / width) * params.kvHeads + place.x) * HEAD_DIM + 4u * chunk * OUT_WIDTH + d;
    var value = staged[(i / width) * OUT_STRIDE + d / 4u][d % 4u];
    if (ofKeys) {
      if (params.accumulateKey != 0u) {
        value += keyGradient[at];
      }
      keyGradient[at] = value;
    } else {
      if (params.accumulateValue != 0u) {
        value += valueGradient[at];
      }
      valueGradient[at] = value;
    }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tiles[workgroup.x + params.groupOffset.x];
  let place = workgroup.y + params.groupOffset.y;
  let kvHead = place / params.splits;
  let split = place % params.splits;
  let group = params.heads / params.kvHeads;
  let lastHead = kvHead * group + (split + 1u) * group / params.splits;
  let down = thread / ACROSS;
  let across = thread % ACROSS;
  var key0: Block;
  var key1: Block;
  var value0: Block;
  var value1: Block;
  for (var head = kvHead * group + split * group / params.splits; head < lastHead; head++) {
    for (var queryTile = tile.z; queryTile < tile.y; queryTile += TILE) {
      let columns = min(TILE, tile.y - queryTile);
      var scores = mat4x4f();
      var products = mat4x4f();
      for (var chunk = 0u; chunk < SCORE_CHUNKS; chunk++) {
        workgroupBarrier();
        stageScores(tile, queryTile, head, kvHead, chunk, thread, false);
        workgroupBarrier();
        addScores(&scores, down, across);
        workgroupBarrier();
        stageScores(tile, queryTile, head, kvHead, chunk, thread, true);
        workgroupBarrier();
        addScores(&products, down, across);
      }
      scores[0] = weigh(scores[0], tile, queryTile, head, across, down);
      if (SCORE_COLUMNS > 1u) {
        scores[1] = weigh(scores[1], tile, queryTile, head, across + ACROSS, down);
      }
      if (SCORE_COLUMNS > 2u) {
        scores[2] = weigh(scores[2], tile, queryTile, head, across + 2u * ACROSS, down);
        scores[3] = weigh(scores[3], tile, queryTile, head, across + 3u * ACROSS, down);
      }
      workgroupBarrier();
      stageQueries(tile, queryTile, head, 0u, thread, true);
      workgroupBarrier();
      addProduct(&value0, down, across, columns);
      if (OUT_CHUNKS > 1u) {
        workgroupBarrier();
        stageQueries(tile, queryTile, head, 1u, thread, true);
        workgroupBarrier();
        addProduct(&value1, down, across, columns);
      }
      workgroupBarrier();
      weighGradient(scores[0], products[0], tile, queryTile, head, across, down);
      if (SCORE_COLUMNS > 1u) {
        weighGradient(scores[1], products[1], tile, queryTile, head, across + ACROSS, down);
      }
      if (SCORE_COLUMNS > 2u) {
        weighGradient(scores[2], products[2], tile, queryTile, head, across + 2u * ACROSS, down);
        weighGradient(scores[3], products[3], tile, queryTile, head, across + 3u * ACROSS, down);
      }
      stageQueries(tile, queryTile, head, 0u, thread, false);
      workgroupBarrier();
      addProduct(&key0, down, across, columns);
      if (OUT_CHUNKS > 1u) {
        workgroupBarrier();
        stageQueries(tile, queryTile, head, 1u, thread, false);
        workgroupBarrier();
        addProduct(&key1, down, across, columns);
      }
    }
  }
  let at = vec2u(kvHead, split);
  store(key0, tile, at, 0u, thread, true);
  store(value0, tile, at, 0u, thread, false);
  if (OUT_CHUNKS > 1u) {
    store(key1, tile, at, 1u, thread, true);
    store(value1, tile, at, 1u, thread, false);
  }
}
