// result[0] = Σ values / count, summed in a fixed order.
//
// values: [count].   result: [1].   One workgroup: a few thousand numbers at most, one per predicted token.

struct Params { groupOffset: vec3u, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread + 256u * (workgroup.x + params.groupOffset.x); i < params.count; i += 256u) {
    sum += values[i];
  }
  sums[thread] = sum;
  for (var step = 128u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (thread < step) { sums[thread] += sums[thread + step]; }
  }
  if (thread == 0u) { result[0] = sums[0] / f32(params.count); }
}
