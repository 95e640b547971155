// y[r, :] = x[r, :] − centres[first + ⌊r / each⌋, :]: rows less the constant of their side.
//
// x, y: [N, D]; centres: [S, D]; columns = D, count = N·D. Rows come in stretches of `each`, the first of which has the centre `first`.
// One thread per number: the kernel only moves memory, and rows of any D begin anywhere.

struct Params { groupOffset: vec3u, count: u32, columns: u32, first: u32, each: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> centres: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  let side = params.first + i / params.columns / params.each;
  y[i] = x[i] - centres[side * params.columns + i % params.columns];
}
