// sums[row, t] = Σ over the LANES threads of t's row of their numbers in the workgroup.
//
// sums: [rows, THREADS]. One workgroup. Shows whether threads that exchange numbers are those that were meant (lib/rowSum.wgsl).

//!include rowSum

struct Params { groupOffset: vec3u, row: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = (params.row + workgroup.x + params.groupOffset.x) * THREADS + thread;
  sums[at] = rowSum(f32(thread), thread);
}
