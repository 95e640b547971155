// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results of any length, offset and stride: stored number by number.
// Writing one component of a vector may write the whole vector, over what a neighbour stores, so out is bound as single
// numbers here. What is asked for: lib/gemmParams.wgsl. Threads and tiling: lib/gemmCached.wgsl.

//!include gemmCached
//!include gemmStoreRagged

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let sums = tileProduct(group.y * ACROSS * ROWS, group.x * ACROSS * COLUMNS, ACROSS * COLUMNS, group.z, thread);
  storeTile(group, thread, sums);
}
