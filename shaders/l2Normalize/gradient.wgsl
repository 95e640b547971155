// dx[b, :] (+)= (dy − y · Σ(y ∘ dy)) / ‖x‖,   y = x / ‖x‖,   all of row b;   dy / floor where ‖x‖ ≤ floor
//
// x, dy, dx: [rows, D]; norms: [rows]; columns = D. accumulate = 1 adds to what dx holds.
// Threads as in forward.wgsl. y is made again from x rather than kept.

//!include rowSum

struct Params { groupOffset: vec3u, rows: u32, columns: u32, floor: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (workgroup.x + params.groupOffset.x) * (THREADS / LANES) + thread / LANES;
  let lane = thread % LANES;
  let end = select(0u, params.columns, row < params.rows);
  let base = row * params.columns;
  let norm = norms[min(row, params.rows - 1u)];
  let divisor = max(norm, params.floor);
  var along = 0.0;
  for (var i = lane; i < end; i += LANES) {
    along += x[base + i] / divisor * dy[base + i];
  }
  // Below the floor the divisor is a constant, so nothing is taken out along x.
  let sum = rowSum(along, thread);
  let projection = select(0.0, sum, norm > params.floor);
  for (var i = lane; i < end; i += LANES) {
    var value = (dy[base + i] - x[base + i] / divisor * projection) / divisor;
    if (params.accumulate != 0u) {
      value += dx[base + i];
    }
    dx[base + i] = value;
  }
}
