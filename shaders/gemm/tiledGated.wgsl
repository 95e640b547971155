// activated[M, N / 2] = silu(gate) · up of the product scale · op(A) · op(B), whose columns are N / 2 gates and as many values, with out [M, N],
// the product itself: the first half of a gated unit in one dispatch. What is asked for: lib/gemmParams.wgsl, with GATED. Threads and
// tiling: lib/gemmTile.wgsl.

//!include gemmStretches
//!include gemmTile
//!include gemmStoreGated

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  let row = group.y * TILE_M;
  let column = group.x * TILE_N;
  let sums = tileProduct(row, column, TILE_N, group.z, thread);
  storeSums(rowsOfTile(row, thread), columnsOfTile(column, thread), group.z, sums);
}
