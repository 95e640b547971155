// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results whose rows are whole vectors of four: n, and offsets
// and strides of out and residual, are multiples of four. Bindings: lib/gemmOperands.wgsl. Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmDirect
//!include gemmStore

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let block = blockOf(group, thread);
  if (block.y >= params.m || block.x >= params.n) {
    return;
  }
  storeBlock(block.y, block.x, group.z, blockProduct(block.y, block.x, group.z));
}
