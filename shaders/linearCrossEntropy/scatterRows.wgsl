// scattered[positions[i], :] = rows[i, :]: puts gradients of picked hidden states back where they were picked from. No position
// occurs twice, so no two threads write to one place.
//
// rows: [count, width].   positions: [R], of which rows first … first + count − 1 are meant.   scattered: [T, width].
// One thread per number; neighbouring threads copy neighbouring numbers of a row.

struct Params { groupOffset: vec3u, first: u32, count: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> scattered: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let column = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let row = workgroup.y + params.groupOffset.y;
  if (column < params.width && row < params.count) {
    scattered[positions[params.first + row] * params.width + column] = rows[row * params.width + column];
  }
}
