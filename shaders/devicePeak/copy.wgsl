// out = numbers: every byte read once and written once, as fast as a device's memory allows.
//
// numbers, out: [count] as vectors of four; the last vector may reach past count into the buffer's padding, harmlessly.
// One thread per vector, neighbours beside each other.

struct Params { groupOffset: vec3u, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> numbers: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i * 4u < params.count) {
    out[i] = numbers[i];
  }
}
