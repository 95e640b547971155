// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results of any length, offset and stride: stored number by number.
// Writing one component of a vector may write the whole vector, over what a neighbour stores, so out is bound as single
// numbers here. Bindings: lib/gemmOperands.wgsl. Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmDirect

@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(8) var<storage, read> residual: array<f32>;

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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let block = blockOf(group, thread);
  if (block.y >= params.m || block.x >= params.n) {
    return;
  }
  storeBlock(block.y, block.x, group.z, blockProduct(block.y, block.x, group.z));
}
