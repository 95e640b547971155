// Two softmaxes over the others of each row, and how far the second is from the first:
//   P_ij = e^{(T_ij − max T_i) / τ_T} / Σ_{k ≠ i} …,   Q_ij = e^{(S_ij − max S_i) / τ_S} / Σ_{k ≠ i} …   for j ≠ i,   P_ii = Q_ii = 0
//   rowLoss_i = KL(P_i ‖ Q_i) = Σ_{j ≠ i} P_ij (ln P_ij − ln Q_ij)
// Differences are taken before the division, and logarithms are of the exponents, so that a small τ costs no digits and a share
// that underflows to 0 is still compared by its logarithm.
//
// scores S, targets T, shares Q, wanted P: [B, B]   rowLoss: [B]. One thread per row: B is a few dozen, and the row stays in cache.

struct Params { groupOffset: vec3u, rows: u32, temperature: f32, targetTemperature: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read_write> shares: array<f32>;
@group(0) @binding(4) var<storage, read_write> wanted: array<f32>;
@group(0) @binding(5) var<storage, read_write> rowLoss: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (i >= params.rows) {
    return;
  }
  let row = i * params.rows;
  var highestScore = -1e30;
  var highestTarget = -1e30;
  for (var j = 0u; j < params.rows; j++) {
    if (j != i) {
      highestScore = max(highestScore, scores[row + j]);
      highestTarget = max(highestTarget, targets[row + j]);
    }
  }
  var scoreSum = 0.0;
  var targetSum = 0.0;
  for (var j = 0u; j < params.rows; j++) {
    if (j != i) {
      scoreSum += exp((scores[row + j] - highestScore) / params.temperature);
      targetSum += exp((targets[row + j] - highestTarget) / params.targetTemperature);
    }
  }
  var loss = 0.0;
  for (var j = 0u; j < params.rows; j++) {
    var share = 0.0;
    var want = 0.0;
    if (j != i) {
      let s = (scores[row + j] - highestScore) / params.temperature;
      let t = (targets[row + j] - highestTarget) / params.targetTemperature;
      share = exp(s) / scoreSum;
      want = exp(t) / targetSum;
      loss += want * ((t - log(targetSum)) - (s - log(scoreSum)));
    }
    shares[row + j] = share;
    wanted[row + j] = want;
  }
  rowLoss[i] = loss;
}
