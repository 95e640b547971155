// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results whose rows are whole vectors of four: n, and offsets
// and strides of out and residual, are multiples of four. What is asked for: lib/gemmParams.wgsl. Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmDirect
//!include gemmStore

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let block = blockOf(group, thread);
  if (block.x >= params.m || block.y >= params.n) {
    return;
  }
  let sums = blockProduct(block.x, block.y, group.z);
  storeBlock(block.x, block.y, group.z, sums);
}
