// Cross-entropy of each row of similarities S with its diagonal as the right answer:
//   P_ij = e^{(S_ij − max) / τ} / Σ_k e^{(S_ik − max) / τ},   loss_i = ln Σ_k e^{(S_ik − max) / τ} − (S_ii − max) / τ
// The difference is taken before the division, so that a small τ costs no digits.
//
// similarity, probabilities: [B, B]   rowLoss: [B]. One thread per row: B is a few dozen, and the row stays in cache.

struct Params { groupOffset: vec3u, rows: u32, temperature: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> similarity: array<f32>;
@group(0) @binding(2) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(3) var<storage, read_write> rowLoss: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (i >= params.rows) {
    return;
  }
  let row = i * params.rows;
  var highest = similarity[row];
  for (var j = 1u; j < params.rows; j++) {
    highest = max(highest, similarity[row + j]);
  }
  var sum = 0.0;
  for (var j = 0u; j < params.rows; j++) {
    sum += exp((similarity[row + j] - highest) / params.temperature);
  }
  for (var j = 0u; j < params.rows; j++) {
    probabilities[row + j] = exp((similarity[row + j] - highest) / params.temperature) / sum;
  }
  rowLoss[i] = log(sum) - (similarity[row + i] - highest) / params.temperature;
}
