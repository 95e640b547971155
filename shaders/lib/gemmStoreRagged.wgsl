// How a matrix product stores results of any length, offset and stride, number by number: shared by gemm/tiledRagged.wgsl and
// gemm/directRagged.wgsl. Params and the other bindings: gemmOperands.wgsl.

@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(8) var<storage, read> residual: array<f32>;

//!include gemmStoreSums

override HAS_RESIDUAL: bool = false;

fn storeNumber(index: u32, row: u32, column: u32, value: f32) {
  if (column >= params.n) {
    return;
  }
  var sum = value;
  if (HAS_RESIDUAL) {
    sum += residual[params.offsetResidual + row * params.strideResidual + column];
  }
  if (ACCUMULATE) {
    sum += out[index];
  }
  out[index] = sum;
}

/// Stores those of four neighbouring numbers at element `index`, of a row and from a column on, that lie inside the row.
fn storeRow(index: u32, row: u32, column: u32, value: vec4f) {
  storeNumber(index, row, column, value.x);
  storeNumber(index + 1u, row, column + 1u, value.y);
  storeNumber(index + 2u, row, column + 2u, value.z);
  storeNumber(index + 3u, row, column + 3u, value.w);
}
