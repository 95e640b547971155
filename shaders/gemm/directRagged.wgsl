// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results of any length, offset and stride: stored number by number.
// Writing one component of a vector may write the whole vector, over what a neighbour stores, so out is bound as single
// numbers here. What is asked for: lib/gemmParams.wgsl. Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmDirect
//!include gemmStoreRagged

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
