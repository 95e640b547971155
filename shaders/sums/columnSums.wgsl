// sums[n] (+)= Σ_t values[t, n]: the gradient of a bias.
//
// values: [rows, columns].   sums: [columns].
// A workgroup of 256 threads owns 32 columns; 8 threads share a column and take every eighth row, then their sums are added in
// a fixed order. Neighbouring threads read neighbouring columns, so reads are whole stretches of a row.

override ACCUMULATE: bool = false;

struct Params { groupOffset: vec3u, rows: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let column = (workgroup.x + params.groupOffset.x) * 32u + thread % 32u;
  var sum = 0.0;
  if (column < params.columns) {
    for (var row = thread / 32u; row < params.rows; row += 8u) {
      sum += values[row * params.columns + column];
    }
  }
  partial[thread] = sum;
  workgroupBarrier();
  if (thread < 32u && column < params.columns) {
    var total = 0.0;
    for (var i = thread; i < 256u; i += 32u) {
      total += partial[i];
    }
    if (ACCUMULATE) { total += sums[column]; }
    sums[column] = total;
  }
}
