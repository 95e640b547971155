// c = ‖V‖₂ + ε with V-normalisation, 1 without: what each value counts in the divisor of the in-batch attention,
//   Ô = O / (N + ε) = Σ_m P_m V_m / (Σ_m P_m ‖V_m‖ + ε) = Σ_m e^{s_m} V_m / Σ_m e^{s_m} c_m      (Σ_m P_m = 1),
// so that one formula serves both variants and the softmax's own normalisation cancels.
//
// v: [T, G, headDim], c: [T, G]. One thread per (token, KV head): a tiny kernel, run once per layer and direction.

struct Params { groupOffset: vec3u, count: u32, epsilon: f32 }

override HEAD_DIM: u32;
override V_NORM: bool;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> v: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) index: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + index;
  if (i >= params.count) {
    return;
  }
  if (!V_NORM) {
    c[i] = 1.0;
    return;
  }
  var squares = 0.0;
  for (var d = 0u; d < HEAD_DIM / 2u; d++) {
    let pair = v[i * (HEAD_DIM / 2u) + d];
    squares += dot(pair, pair);
  }
  c[i] = sqrt(squares) + params.epsilon;
}
