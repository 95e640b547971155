// AdamW (Loshchilov & Hutter 2019), one step, exactly the order of operations of torch.optim.AdamW:
//   g ← g · min(1, clipNorm / (norm + 1e-6))  if clipNorm > 0
//   p ← p · decay;   m ← β1·m + (1 − β1)·g;   v ← β2·v + (1 − β2)·g²;   p ← p − stepSize · m / (√v / rootCorrection2 + ε)
//
// parameters, m, v (updated) and gradients: [count]; norm: [1], bit pattern of the gradient norm. decay = 1 − lr·λ,
// stepSize = lr / (1 − β1^t) and rootCorrection2 = √(1 − β2^t) come from the host, which has f64, in `numbers` [3]: they differ from
// step to step, and all else that is recorded of a step may be the same.
// If the norm is not finite nothing changes: one broken batch must not ruin the parameters. The test is on its bits, since
// compilers may assume that no float is NaN. Zeros (padding between tensors) stay zeros.
// One thread per vec4 of the whole arena: the kernel only moves memory. Words past count are left alone.

//!include finite

struct Params {
  groupOffset: vec3u,
  count: u32,
  beta1: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  epsilon: f32,
  clipNorm: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(2) var<storage, read> norm: array<u32>;
@group(0) @binding(3) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(6) var<storage, read> numbers: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let bits = norm[0];
  if (i * 4u >= params.count || !isFinite(bits)) {
    return;
  }
  var factor = 1.0;
  if (params.clipNorm > 0.0) {
    factor = min(1.0, params.clipNorm / (bitcast<f32>(bits) + 1e-6));
  }
  let decay = numbers[0];
  let stepSize = numbers[1];
  let rootCorrection2 = numbers[2];
  let g = gradients[i] * factor;
  let first = params.beta1 * m[i] + params.oneMinusBeta1 * g;
  let second = params.beta2 * v[i] + params.oneMinusBeta2 * g * g;
  let updated = parameters[i] * decay - stepSize * (first / (sqrt(second) / rootCorrection2 + params.epsilon));
  let left = params.count - i * 4u;
  if (left >= 4u) {
    m[i] = first;
    v[i] = second;
    parameters[i] = updated;
  } else {
    for (var c = 0u; c < left; c++) {
      m[i][c] = first[c];
      v[i][c] = second[c];
      parameters[i][c] = updated[c];
    }
  }
}
