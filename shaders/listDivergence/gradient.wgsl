// Backward of forward.wgsl, with g = ∂L/∂loss and loss = 1/B Σ_i KL(P_i ‖ Q_i):
//   ∂L/∂S_ij (+)= g · (Q_ij − P_ij) / (τ_S B)
// which is 0 on the diagonal, where both are.
//
// shares Q, wanted P, scoresGradient: [B, B]   gradient: [1]. One thread per entry.

struct Params { groupOffset: vec3u, rows: u32, temperature: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(2) var<storage, read> wanted: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> scoresGradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (at >= params.rows * params.rows) {
    return;
  }
  let value = gradient[0] * (shares[at] - wanted[at]) / (params.temperature * f32(params.rows));
  scoresGradient[at] = value + select(0.0, scoresGradient[at], params.accumulate == 1u);
}
