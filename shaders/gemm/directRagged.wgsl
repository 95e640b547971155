// out[M, N] (+)= scale · op(A) · op(B) + bias[N], for results of any length, offset and stride: stored number by number.
// Writing one component of a vector may write the whole vector, over what a neighbour stores, so out is bound as single
// numbers here. Bindings: lib/gemmOperands.wgsl. Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmDirect

@group(0) @binding(5) var<storage, read_write> out: array<f32>;

fn storeNumber(index: u32, value: f32) {
  if (ACCUMULATE) {
    out[index] += value;
  } else {
    out[index] = value;
  }
}

/// Stores those of four neighbouring numbers at element `index`, column `column`, that lie inside the row.
fn storeRow(index: u32, column: u32, value: vec4f) {
  storeNumber(index, value.x);
  if (column + 1u < params.n) { storeNumber(index + 1u, value.y); }
  if (column + 2u < params.n) { storeNumber(index + 2u, value.z); }
  if (column + 3u < params.n) { storeNumber(index + 3u, value.w); }
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
