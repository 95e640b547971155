// How a matrix product stores results whose rows are whole vectors of four: shared by gemm/tiled.wgsl and gemm/direct.wgsl. Params and
// the other bindings: gemmOperands.wgsl.

@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(8) var<storage, read> residual: array<vec4f>;

//!include gemmStoreSums
//!include sigmoid

override HAS_RESIDUAL: bool = false;
/// The product is the gradient of silu(gate) · up: stored are those of gate and up. residual then holds [M, 2N], the gates in the first N
/// columns, and out is like it; offsets and strides are theirs.
override SWIGLU: bool = false;

fn storeVector(at: u32, value: vec4f) {
  if (ACCUMULATE) {
    out[at] += value;
  } else {
    out[at] = value;
  }
}

/// Stores four neighbouring numbers of a row at element `index`; the whole vector lies inside the row.
fn storeRow(index: u32, row: u32, column: u32, value: vec4f) {
  let at = index >> 2u;
  let source = (params.offsetResidual + row * params.strideResidual + column) >> 2u;
  if (SWIGLU) {
    let half = params.n >> 2u;
    let gate = residual[source];
    let s = vec4f(sigmoid(gate.x), sigmoid(gate.y), sigmoid(gate.z), sigmoid(gate.w));
    storeVector(at, value * residual[source + half] * s * (1.0 + gate * (1.0 - s)));
    storeVector(at + half, value * gate * s);
    return;
  }
  if (HAS_RESIDUAL) {
    storeVector(at, value + residual[source]);
  } else {
    storeVector(at, value);
  }
}
