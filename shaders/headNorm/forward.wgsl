// Normalises queries and keys head by head; values pass as they are:
//   y[h, :] = x[h, :] · r[h] · g,   r[h] = 1 / √(mean(x[h, :]²) + ε),   g = weight[0] for a query head, weight[1] for a key head
//
// x, y: [T, (H + 2G)·hd], read as heads [T·(H + 2G), hd] in the order q, k, v of every token; weight: [2, hd];
// inverseRms r: [T·(H + 2G)], kept for the backward pass (those of values are never read). HEADS = H, KV_HEADS = G,
// rows = T·(H + 2G), columns = hd.
// Threads as in rmsNorm/forward.wgsl: LANES share a head. Values are copied by theirs, so that the rotation finds all in one tensor.

//!include rowSum

struct Params { groupOffset: vec3u, rows: u32, columns: u32, epsilon: f32 }

override HEADS: u32 = 1u;
override KV_HEADS: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> inverseRms: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (workgroup.x + params.groupOffset.x) * (THREADS / LANES) + thread / LANES;
  let lane = thread % LANES;
  let head = row % (HEADS + 2u * KV_HEADS);
  let end = select(0u, params.columns, row < params.rows);
  let base = row * params.columns;
  var squares = 0.0;
  for (var i = lane; i < end; i += LANES) {
    let value = x[base + i];
    squares += value * value;
  }
  let r = inverseSqrt(rowSum(squares, thread) / f32(params.columns) + params.epsilon);
  let own = select(0u, params.columns, head >= HEADS);
  for (var i = lane; i < end; i += LANES) {
    if (head < HEADS + KV_HEADS) {
      y[base + i] = x[base + i] * r * weight[own + i];
    } else {
      y[base + i] = x[base + i];
    }
  }
  if (lane == 0u && row < params.rows) {
    inverseRms[row] = r;
  }
}
