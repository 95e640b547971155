// gathered[i, :] = source[positions[i], :]: picks the hidden states from which a next token is predicted.
//
// source: [T, width].   positions: [R], of which rows first … first + count − 1 are taken.   gathered: [count, width].
// One thread per number; neighbouring threads copy neighbouring numbers of a row.

struct Params { groupOffset: vec3u, first: u32, count: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> gathered: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let column = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let row = workgroup.y + params.groupOffset.y;
  if (column < params.width && row < params.count) {
    gathered[row * params.width + column] = source[positions[params.first + row] * params.width + column];
  }
}
