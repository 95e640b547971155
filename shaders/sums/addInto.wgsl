// values += addend, element by element, in place (sum of gradients that reach one tensor by two ways).
//
// values, addend: [count]. One thread per vector of four. The last, ragged vector is done by its elements: `values` may be
// a stretch of a larger buffer, whose next stretch belongs to somebody else.

struct Params { groupOffset: vec3u, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> values: array<vec4f>;
@group(0) @binding(2) var<storage, read> addend: array<vec4f>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let first = i * 4u;
  if (first + 4u <= params.count) {
    values[i] += addend[i];
  } else {
    for (var c = 0u; first + c < params.count; c++) {
      values[i][c] += addend[i][c];
    }
  }
}
