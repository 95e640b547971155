// Backward of a loss over cells of S whose forward pass left behind what pulls at each cell; g = ∂L/∂loss:
//   ∂L/∂S_ij (+)= g · pull_ij · scale
//
// pull, similarityGradient: [B, C], count = B·C; gradient: [1]. One thread per entry.

struct Params { groupOffset: vec3u, count: u32, scale: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pull: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> similarityGradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (at >= params.count) {
    return;
  }
  let value = gradient[0] * pull[at] * params.scale;
  similarityGradient[at] = value + select(0.0, similarityGradient[at], params.accumulate == 1u);
}
