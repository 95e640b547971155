// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results whose rows are whole vectors of four: n, and offsets
// and strides of out and residual, are multiples of four. Bindings: lib/gemmOperands.wgsl. Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmDirect

@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(8) var<storage, read> residual: array<vec4f>;

override HAS_RESIDUAL: bool = false;

/// Stores four neighbouring numbers of a row at element `index`; the whole vector lies inside the row.
fn storeRow(index: u32, row: u32, column: u32, value: vec4f) {
  let at = index >> 2u;
  var sum = value;
  if (HAS_RESIDUAL) {
    sum += residual[(params.offsetResidual + row * params.strideResidual + column) >> 2u];
  }
  if (ACCUMULATE) {
    sum += out[at];
  }
  out[at] = sum;
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
