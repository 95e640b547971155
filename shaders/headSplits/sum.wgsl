// total[i] (+)= Σ_s parts[s, i]: adds up what the workgroups of one KV head found for their share of its query heads, for two
// gradients at once (of keys and of values): workgroups with y = 0 take the first, those with y = 1 the second.
//
// first, second: [splits, count]; firstTotal, secondTotal: [count], may be stretches of larger buffers, so they are written number by
// number. accumulateFirst, accumulateSecond = 1 add to what is there.
// One thread per number: neighbours read neighbours, and the kernel only moves memory.

struct Params { groupOffset: vec3u, count: u32, splits: u32, accumulateFirst: u32, accumulateSecond: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> first: array<f32>;
@group(0) @binding(2) var<storage, read> second: array<f32>;
@group(0) @binding(3) var<storage, read_write> firstTotal: array<f32>;
@group(0) @binding(4) var<storage, read_write> secondTotal: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let i = group.x * 256u + thread;
  if (i >= params.count) {
    return;
  }
  var sum = 0.0;
  if (group.y == 0u) {
    for (var split = 0u; split < params.splits; split++) { sum += first[split * params.count + i]; }
    firstTotal[i] = sum + select(0.0, firstTotal[i], params.accumulateFirst != 0u);
  } else {
    for (var split = 0u; split < params.splits; split++) { sum += second[split * params.count + i]; }
    secondTotal[i] = sum + select(0.0, secondTotal[i], params.accumulateSecond != 0u);
  }
}
