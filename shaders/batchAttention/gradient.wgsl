// The way back of forward.wgsl, with g = ∂L/∂A:
//   ∂L/∂S_ij (+)= (1/τ) · A_ij · (g_ij − Σ_k A_ik g_ik)
// Each row's g is first shifted by its value at the row's largest A, which changes nothing in exact arithmetic (Σ_k A_ik = 1).
// In f32 it keeps the digits that matter when A is sharp: only the small A_ik are left in the sum, where otherwise the
// largest term's rounding error, times 1/τ, would drown them. A_ij = 0 gives exactly 0.
//
// attention, gradient, similarityGradient: [B, B]. One thread per row, as in the forward pass.

struct Params { groupOffset: vec3u, chunks: u32, temperature: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> attention: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> similarityGradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (i >= params.chunks) {
    return;
  }
  let row = i * params.chunks;
  var heaviest = row;
  for (var at = row; at < row + params.chunks; at++) {
    if (attention[at] > attention[heaviest]) {
      heaviest = at;
    }
  }
  let shift = gradient[heaviest];
  var mean = 0.0;
  for (var at = row; at < row + params.chunks; at++) {
    mean += attention[at] * (gradient[at] - shift);
  }
  for (var at = row; at < row + params.chunks; at++) {
    let value = attention[at] / params.temperature * (gradient[at] - shift - mean);
    similarityGradient[at] = value + select(0.0, similarityGradient[at], params.accumulate == 1u);
  }
}
