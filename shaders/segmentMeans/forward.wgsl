// result[places[n]] = factor · mean of values[starts[n] … starts[n + 1] − 1], summed in order; the rest of result stays as it is.
//
// values: [R]   starts: [N + 1]   places: [N], all different   result: any size. One thread per segment: each is a few dozen numbers.

struct Params { groupOffset: vec3u, segments: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> result: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (n >= params.segments) {
    return;
  }
  var sum = 0.0;
  for (var at = starts[n]; at < starts[n + 1u]; at++) {
    sum += values[at];
  }
  result[places[n]] = params.factor * sum / f32(starts[n + 1u] - starts[n]);
}
