// How a product of gates and values, with GATED side by side in its columns, stores both and what becomes of them: shared by
// gemm/tiledGated.wgsl, gemm/cachedGated.wgsl and gemm/directGated.wgsl. Params and the other bindings: gemmOperands.wgsl.
//
//   activated[M, N / 2] = silu(gate) · up,   silu(x) = x·σ(x)
// activated lies at offsetResidual and strideResidual; out [M, N], gates in the first N / 2 columns, is left alone where strideOut is 0.
// Numbers are stored two by two: n is a multiple of four, offsets and strides are even.

@group(0) @binding(5) var<storage, read_write> out: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> activated: array<vec2f>;

//!include gemmStoreSums
//!include sigmoid

/// Takes four neighbouring columns of a row, which are two gates and two values; `index` is where they would stand as one row of numbers.
fn storeRow(index: u32, row: u32, column: u32, value: vec4f) {
  let gate = value.xz;
  let up = value.yw;
  if (params.strideOut != 0u) {
    let at = (index - (column >> 1u)) >> 1u;
    out[at] = gate;
    out[at + (params.n >> 2u)] = up;
  }
  let at = (params.offsetResidual + row * params.strideResidual + (column >> 1u)) >> 1u;
  activated[at] = gate * vec2f(sigmoid(gate.x), sigmoid(gate.y)) * up;
}
