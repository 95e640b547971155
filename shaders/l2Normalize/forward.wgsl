// y[b, :] = x[b, :] / max(‖x[b, :]‖, floor)
//
// x, y: [rows, D]; norms: [rows], ‖x[b, :]‖ kept for the backward pass; columns = D.
// LANES threads share a row, each taking every LANES-th number, as in rmsNorm/forward.wgsl.

//!include rowSum

struct Params { groupOffset: vec3u, rows: u32, columns: u32, floor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> norms: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (workgroup.x + params.groupOffset.x) * (THREADS / LANES) + thread / LANES;
  let lane = thread % LANES;
  let end = select(0u, params.columns, row < params.rows);
  let base = row * params.columns;
  var squares = 0.0;
  for (var i = lane; i < end; i += LANES) {
    let value = x[base + i];
    squares += value * value;
  }
  let norm = sqrt(rowSum(squares, thread));
  for (var i = lane; i < end; i += LANES) {
    y[base + i] = x[base + i] / max(norm, params.floor);
  }
  if (lane == 0u && row < params.rows) {
    norms[row] = norm;
  }
}
