// Logistic Mann–Whitney loss: every positive cell p of S against every negative cell n, of whatever row:
//   loss_p = 1/|n| Σ_n softplus((S_n − S_p) / t)
// and what pulls at each cell, t |n| Σ_p ∂loss_p/∂S:
//   pull_p = −Σ_n σ((S_n − S_p) / t) of a positive,   pull_n = Σ_p σ((S_n − S_p) / t) of a negative,   0 of a cell that is left out
//
// similarity, roles, pull: [B, C], count = B·C; roles: 0 left out, 1 negative, 2 positive. positives: [P], their cells in order of
// place; loss: [P] in that order. inverseNegatives = 1 / |n|.
// One thread per cell: a positive goes over all cells, a negative over the positives, so that the work is 2 · P · B · C and nothing is
// shared.

//!include sigmoid
//!include softplus

struct Params { groupOffset: vec3u, count: u32, positiveCount: u32, temperature: f32, inverseNegatives: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> similarity: array<f32>;
@group(0) @binding(2) var<storage, read> roles: array<u32>;
@group(0) @binding(3) var<storage, read> positives: array<u32>;
@group(0) @binding(4) var<storage, read_write> pull: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (at >= params.count) {
    return;
  }
  let own = similarity[at];
  let role = roles[at];
  var pulled = 0.0;
  if (role == 1u) {
    for (var p = 0u; p < params.positiveCount; p++) {
      pulled += sigmoid((own - similarity[positives[p]]) / params.temperature);
    }
  } else if (role == 2u) {
    var sum = 0.0;
    for (var n = 0u; n < params.count; n++) {
      if (roles[n] == 1u) {
        let behind = (similarity[n] - own) / params.temperature;
        sum += softplus(behind);
        pulled -= sigmoid(behind);
      }
    }
    for (var p = 0u; p < params.positiveCount; p++) {
      if (positives[p] == at) {
        loss[p] = sum * params.inverseNegatives;
      }
    }
  }
  pull[at] = pulled;
}
