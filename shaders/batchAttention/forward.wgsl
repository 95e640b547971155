// Batch attention A from similarities S: a softmax over the other chunks,
//   A_ij = e^{(S_ij − max) / τ} / Σ_{k ≠ i} e^{(S_ik − max) / τ} for j ≠ i,   A_ii = 0.
// The difference is taken before the division, so τ = 1e-4 costs no digits. Values below the smallest normal f32 become
// exactly 0: GPUs differ in what they make of subnormals, and every kernel must agree on which pairs are read.
//
// similarity, attention: [B, B]. One thread per row: B is a few dozen, and the row stays in cache.

struct Params { groupOffset: vec3u, chunks: u32, temperature: f32 }

const SMALLEST_NORMAL = 0x1p-126f;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> similarity: array<f32>;
@group(0) @binding(2) var<storage, read_write> attention: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (i >= params.chunks) {
    return;
  }
  let row = i * params.chunks;
  var highest = -1e30;
  for (var j = 0u; j < params.chunks; j++) {
    if (j != i) {
      highest = max(highest, similarity[row + j]);
    }
  }
  var sum = 0.0;
  for (var j = 0u; j < params.chunks; j++) {
    if (j != i) {
      sum += exp((similarity[row + j] - highest) / params.temperature);
    }
  }
  for (var j = 0u; j < params.chunks; j++) {
    var value = 0.0;
    if (j != i) {
      value = exp((similarity[row + j] - highest) / params.temperature) / sum;
    }
    attention[row + j] = select(value, 0.0, value < SMALLEST_NORMAL);
  }
}
