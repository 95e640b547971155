// out[M, N] (+)= scale · Σ_s partials[s, M, N] + bias[N] + residual[M, N]: puts a product together whose K was split. Always in the same
// order, so the result does not depend on which workgroup finished first.
//
// partials: [splits, M, N].   bias: [N].   out, residual: element (row, column) at offset + row · stride + column.
// One thread per element: such products are small, that is why they were split.

override ACCUMULATE: bool = false;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;

struct Params {
  groupOffset: vec3u,
  m: u32,
  n: u32,
  splits: u32,
  offsetOut: u32,
  strideOut: u32,
  offsetResidual: u32,
  strideResidual: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let size = params.m * params.n;
  if (i >= size) { return; }
  var sum = 0.0;
  for (var s = 0u; s < params.splits; s++) {
    sum += partials[s * size + i];
  }
  let column = i % params.n;
  let row = i / params.n;
  let at = params.offsetOut + row * params.strideOut + column;
  var value = params.scale * sum;
  if (HAS_BIAS) { value += bias[column]; }
  if (HAS_RESIDUAL) { value += residual[params.offsetResidual + row * params.strideResidual + column]; }
  if (ACCUMULATE) { value += out[at]; }
  out[at] = value;
}
