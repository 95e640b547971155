// dx[t, :] (+)= r·(g ∘ dy) − x · r³/D · Σ(g ∘ dy ∘ x),   all of row t, r = inverseRms[t]
//
// x, dy, dx: [rows, D]; weight g: [D]; inverseRms: [rows]; columns = D. accumulate = 1 adds to what dx holds.
// Threads as in forward.wgsl: LANES per row, one sum over the row, then one pass that writes.

//!include rowSum

struct Params { groupOffset: vec3u, rows: u32, columns: u32, accumulate: u32 }

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
  let end = select(0u, params.columns, row < params.rows);
  let base = row * params.columns;
  var projection = 0.0;
  for (var i = lane; i < end; i += LANES) {
    projection += weight[i] * dy[base + i] * x[base + i];
  }
  let r = inverseRms[min(row, params.rows - 1u)];
  let shrink = rowSum(projection, thread) * r * r / f32(params.columns);
  for (var i = lane; i < end; i += LANES) {
    var value = r * (weight[i] * dy[base + i] - x[base + i] * shrink);
    if (params.accumulate != 0u) {
      value += dx[base + i];
    }
    dx[base + i] = value;
  }
}
