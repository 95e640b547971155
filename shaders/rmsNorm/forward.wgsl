// y[t, :] = x[t, :] · r[t] · g,   r[t] = 1 / √(mean(x[t, :]²) + ε)
//
// x, y: [rows, D]; weight g: [D]; inverseRms r: [rows], kept for the backward pass; columns = D.
// LANES threads share a row, each taking every LANES-th number, so that neighbours read neighbouring memory: one row per
// workgroup of 64 threads when D > 32, several when rows are narrower. x is read twice; the second time it comes out of
// the cache.

//!include rowSum

struct Params { groupOffset: vec3u, rows: u32, columns: u32, epsilon: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> inverseRms: array<f32>;

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
  let r = inverseSqrt(rowSum(squares, thread) / f32(params.columns) + params.epsilon);
  for (var i = lane; i < end; i += LANES) {
    y[base + i] = x[base + i] * r * weight[i];
  }
  if (lane == 0u && row < params.rows) {
    inverseRms[row] = r;
  }
}
