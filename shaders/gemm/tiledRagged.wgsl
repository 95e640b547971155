// out[M, N] (+)= scale · op(A) · op(B) + bias[N] + residual[M, N], for results of any length, offset and stride: stored number by number.
// Writing one component of a vector may write the whole vector, over what a neighbour stores, so out is bound as single
// numbers here. What is asked for: lib/gemmParams.wgsl. Threads and tiling: lib/gemmTile.wgsl.

//!include gemmStretches
//!include gemmTile
//!include gemmStoreRagged

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let row = group.y * TILE_M;
  let column = group.x * TILE_N;
  let sums = tileProduct(row, column, TILE_N, group.z, thread);
  storeSums(rowsOfTile(row, thread), columnsOfTile(column, thread), group.z, sums);
}
