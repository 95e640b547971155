// Causal self-attention inside each row, without an L × L matrix:
//   out[t, h] = Σ_{s ≤ t} p[t, s] · v[s, g],   p[t, s] = exp(q[t, h]·k[s, g] / √D − logSumExp[t, h]),   g = h / (heads / kvHeads)
//
// q, out: [T, heads · D]; k, v: [T, kvHeads · D]; T tokens of all rows end to end, D = HEAD_DIM. statistics: [T, heads] of
// (logSumExp, what queryGradient.tiled.wgsl adds later).
// tiles: [tiles] of (first token of the row in T, length of the row, first token of the tile in the row, row).
//
// One workgroup per (tile of TILE queries, head). It walks over the key tiles up to its own with a running maximum and
// sum per query (online softmax, Milakov & Gimelshein 2018; tiling after FlashAttention, Dao et al. 2022). Thread layout,
// register blocking and memory: lib/attentionTile.wgsl; rows are queries, columns keys. Tiles are aligned to the row, so
// only the last key tile is cut by the diagonal, and a key that a valid query may see is always a valid token.

//!include attentionTile
//!include acrossRows

struct Params { groupOffset: vec3u, heads: u32, kvHeads: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>;

fn stageScores(tile: vec4u, keyTile: u32, head: u32, kvHead: u32, chunk: u32, thread: u32) {
  for (var i = thread; i < TILE * SCORE_WIDTH; i += THREADS) {
    let token = i / SCORE_WIDTH;
    let c = i % SCORE_WIDTH;
    let vector = chunk * SCORE_WIDTH + c;
    var query = vec4f();
    var key = vec4f();
    if (vector < VECTORS && tile.z + token < tile.y) {
      let at = ((tile.x + tile.z + token) * params.heads + head) * HEAD_DIM + 4u * vector;
      query = headVector(q[at / 4u], q[(at + 2u) / 4u], at, vector) * params.scale;
    }
    if (vector < VECTORS && keyTile + token < tile.y) {
      let at = ((tile.x + keyTile + token) * params.kvHeads + kvHead) * HEAD_DIM + 4u * vector;
      key = headVector(k[at / 4u], k[(at + 2u) / 4u], at, vector);
    }
    staged[token * SCORE_STRIDE + c] = query;
    staged[(TILE + token) * SCORE_STRIDE + c] = key;
  }
}

fn stageValues(tile: vec4u, keyTile: u32, kvHead: u32, chunk: u32, thread: u32) {
  for (var i = thread; i < TILE * OUT_WIDTH; i += THREADS) {
    let token = i / OUT_WIDTH;
    let c = i % OUT_WIDTH;
    let vector = chunk * OUT_WIDTH + c;
    var value = vec4f();
    if (vector < VECTORS && keyTile + token < tile.y) {
      let at = ((tile.x + keyTile + token) * params.kvHeads + kvHead) * HEAD_DIM + 4u * vector;
      value = headVector(v[at / 4u], v[(at + 2u) / 4u], at, vector);
    }
    staged[token * OUT_STRIDE + c] = value;
  }
}

/// Puts exp(score − maximum) where the diagonal allows it into the weights, and returns it.
fn weigh(score: vec4f, maximum: vec4f, key: u32, queries: vec4u, column: u32, down: u32) -> vec4f {
  let weight = select(vec4f(), exp(score - maximum), vec4u(key) <= queries);
  weights[column * DOWN + down] = weight;
  return weight;
}

fn masked(score: vec4f, key: u32, queries: vec4u) -> vec4f {
  return select(vec4f(-1e30), score, vec4u(key) <= queries);
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
    out[at] = staged[(i / width) * OUT_STRIDE + d / 4u][d % 4u];
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
  var maximum = vec4f(-1e30);
  // This thread's columns only; summed over the threads at the end.
  var total = vec4f();
  var out0: Block;
  var out1: Block;
  for (var keyTile = 0u; keyTile <= tile.z; keyTile += TILE) {
    let columns = min(TILE, tile.y - keyTile);
    var scores = mat4x4f();
    for (var chunk = 0u; chunk < SCORE_CHUNKS; chunk++) {
      workgroupBarrier();
      stageScores(tile, keyTile, head, kvHead, chunk, thread);
      workgroupBarrier();
      addScores(&scores, down, across);
    }
    let key = keyTile + across;
    scores[0] = masked(scores[0], key, queries);
    var highest = scores[0];
    if (SCORE_COLUMNS > 1u) {
      scores[1] = masked(scores[1], key + ACROSS, queries);
      highest = max(highest, scores[1]);
    }
    if (SCORE_COLUMNS > 2u) {
      scores[2] = masked(scores[2], key + 2u * ACROSS, queries);
      scores[3] = masked(scores[3], key + 3u * ACROSS, queries);
      highest = max(highest, max(scores[2], scores[3]));
    }
    let before = maximum;
    maximum = max(maximum, maximumAcross(highest, thread));
    // Every query sees key 0, so the maximum is a real score from the first tile on.
    let shrink = select(exp(before - maximum), vec4f(), vec4<bool>(keyTile == 0u));
    total = total * shrink + weigh(scores[0], maximum, key, queries, across, down);
    if (SCORE_COLUMNS > 1u) {
      total += weigh(scores[1], maximum, key + ACROSS, queries, across + ACROSS, down);
    }
    if (SCORE_COLUMNS > 2u) {
      total += weigh(scores[2], maximum, key + 2u * ACROSS, queries, across + 2u * ACROSS, down);
      total += weigh(scores[3], maximum, key + 3u * ACROSS, queries, across + 3u * ACROSS, down);
    }
    stageValues(tile, keyTile, kvHead, 0u, thread);
    workgroupBarrier();
    out0 = scaleRows(out0, shrink);
    addProduct(&out0, down, across, columns);
    if (OUT_CHUNKS > 1u) {
      workgroupBarrier();
      stageValues(tile, keyTile, kvHead, 1u, thread);
      workgroupBarrier();
      out1 = scaleRows(out1, shrink);
      addProduct(&out1, down, across, columns);
    }
  }
  let sum = sumAcross(total, thread);
  store(scaleRows(out0, 1.0 / sum), tile, head, 0u, thread);
  if (OUT_CHUNKS > 1u) {
    store(scaleRows(out1, 1.0 / sum), tile, head, 1u, thread);
  }
  if (across == 0u) {
    var logarithms = maximum + log(sum);
    for (var i = 0u; i < 4u; i++) {
      if (tile.z + 4u * down + i < tile.y) {
        statistics[2u * ((tile.x + tile.z + 4u * down + i) * params.heads + head)] = logarithms[i];
      }
    }
  }
}
