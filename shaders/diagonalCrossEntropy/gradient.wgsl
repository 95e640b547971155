// Backward of forward.wgsl, with g = ∂L/∂loss and loss = 1/B Σ_i loss_i:
//   ∂L/∂S_ij (+)= g · (P_ij − [i = j]) / (τ B)
//
// probabilities, similarityGradient: [B, B]   gradient: [1]. One thread per entry.

struct Params { groupOffset: vec3u, rows: u32, temperature: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> probabilities: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> similarityGradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (at >= params.rows * params.rows) {
    return;
  }
  let isDiagonal = at % params.rows == at / params.rows;
  let share = probabilities[at] - select(0.0, 1.0, isDiagonal);
  let value = gradient[0] * share / (params.temperature * f32(params.rows));
  similarityGradient[at] = value + select(0.0, similarityGradient[at], params.accumulate == 1u);
}
