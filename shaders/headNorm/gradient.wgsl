// Of a query or key head h: dx[h, :] (+)= r·(g ∘ dy) − x · r³/hd · Σ(g ∘ dy ∘ x),   r = inverseRms[h];
// of a value head: dx[h, :] (+)= dy[h, :]
//
// x, dy, dx: [T, (H + 2G)·hd], read as heads [T·(H + 2G), hd]; weight: [2, hd], g its first row for queries and its second
// for keys; inverseRms: [T·(H + 2G)]. rows = T·(H + 2G), columns = hd. accumulate = 1 adds to what dx holds.
// Threads as in forward.wgsl: LANES per head, one sum over the head, then one pass that writes.

//!include rowSum

struct Params { groupOffset: vec3u, rows: u32, columns: u32, accumulate: u32 }

override HEADS: u32 = 1u;
override KV_HEADS: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> inverseRms: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (workgroup.x + params.groupOffset.x) * (THREADS / LANES) + thread / LANES;
  let lane = thread % LANES;
  let head = row % (HEADS + 2u * KV_HEADS);
  let normed = head < HEADS + KV_HEADS;
  let own = select(0u, params.columns, head >= HEADS);
  let end = select(0u, params.columns, row < params.rows);
  let base = row * params.columns;
  var projection = 0.0;
  for (var i = lane; i < end; i += LANES) {
    projection += weight[own + i] * dy[base + i] * x[base + i];
  }
  let r = inverseRms[min(row, params.rows - 1u)];
  let shrink = rowSum(projection, thread) * r * r / f32(params.columns);
  for (var i = lane; i < end; i += LANES) {
    var value = dy[base + i];
    if (normed) {
      value = r * (weight[own + i] * value - x[base + i] * shrink);
    }
    if (params.accumulate != 0u) {
      value += dx[base + i];
    }
    dx[base + i] = value;
  }
}
