// Cross-entropy of every positive cell of S against the negatives of its row, other positives left out of the denominator:
//   loss_il = ln(1 + Σ_k e^{(S_ik − S_il) / τ}) = softplus(d_il),   d_il = ln Σ_k e^{S_ik / τ} − S_il / τ,   k over the row's negatives
// and what pulls at each cell, τ Σ_l ∂loss_il/∂S:
//   pull_il = −σ(d_il) of a positive,   pull_ik = softmax_k(S_ik / τ) · Σ_l σ(d_il) of a negative,   0 of a cell that is left out
// Differences are taken before the division, so that a small τ costs no digits. A row without negatives has loss 0 and no pull.
//
// similarity, roles, pull: [B, C]; roles: 0 left out, 1 negative, 2 positive. rowLoss: [B], Σ_l loss_il · weight.
// One thread per row: B and C are a few dozen, and the row stays in cache.

//!include sigmoid
//!include softplus

struct Params { groupOffset: vec3u, rows: u32, columns: u32, temperature: f32, weight: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> similarity: array<f32>;
@group(0) @binding(2) var<storage, read> roles: array<u32>;
@group(0) @binding(3) var<storage, read_write> pull: array<f32>;
@group(0) @binding(4) var<storage, read_write> rowLoss: array<f32>;

const LOWEST = -3.0e38;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (i >= params.rows) {
    return;
  }
  let row = i * params.columns;
  var highest = LOWEST;
  for (var j = 0u; j < params.columns; j++) {
    if (roles[row + j] == 1u) {
      highest = max(highest, similarity[row + j]);
    }
  }
  var sum = 0.0;
  for (var j = 0u; j < params.columns; j++) {
    if (roles[row + j] == 1u) {
      sum += exp((similarity[row + j] - highest) / params.temperature);
    }
  }
  let hasNegatives = sum > 0.0;
  let logSum = log(max(sum, 1.0));
  var loss = 0.0;
  var pushed = 0.0;
  for (var j = 0u; j < params.columns; j++) {
    if (roles[row + j] == 2u && hasNegatives) {
      let d = (highest - similarity[row + j]) / params.temperature + logSum;
      let share = sigmoid(d);
      loss += softplus(d);
      pushed += share;
      pull[row + j] = -share;
    } else {
      pull[row + j] = 0.0;
    }
  }
  for (var j = 0u; j < params.columns; j++) {
    if (roles[row + j] == 1u) {
      pull[row + j] = pushed * exp((similarity[row + j] - highest) / params.temperature) / sum;
    }
  }
  rowLoss[i] = loss * params.weight;
}
