// out[M, N] (+)= scale · op(A) · op(B) + bias[N], for results whose rows are whole vectors of four: n, offsetOut and
// strideOut are multiples of four. Bindings: lib/gemmOperands.wgsl. Threads and tiling: lib/gemmTile.wgsl.

//!include gemmTile

@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;

/// Stores four neighbouring numbers of a row at element `index`; the whole vector lies inside the row.
fn storeRow(index: u32, column: u32, value: vec4f) {
  let at = index >> 2u;
  if (ACCUMULATE) {
    out[at] += value;
  } else {
    out[at] = value;
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  storeTile(group, thread, tileProduct(group, thread));
}
