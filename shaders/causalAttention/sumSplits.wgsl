// total[i] (+)= Σ_s parts[s, i]: adds up what the workgroups of one KV head found for their share of its query heads.
//
// parts: [splits, count]; total: [count], may be a stretch of a larger buffer, so it is written number by number.
// One thread per number: neighbours read neighbours, and the kernel only moves memory.

struct Params { groupOffset: vec3u, count: u32, splits: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> total: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  var sum = 0.0;
  if (params.accumulate != 0u) {
    sum = total[i];
  }
  for (var split = 0u; split < params.splits; split++) {
    sum += parts[split * params.count + i];
  }
  total[i] = sum;
}
