// activated[M, N / 2] = silu(gate) · up of the product scale · op(A) · op(B), whose columns are N / 2 gates and as many values, with out [M, N],
// the product itself: the first half of a gated unit in one dispatch. What is asked for: lib/gemmParams.wgsl, with GATED. Threads and
// tiling: lib/gemmDirect.wgsl.

//!include gemmDirect
//!include gemmStoreGated

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
