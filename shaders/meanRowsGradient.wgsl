// dx[t, c] (+)= dmean[c] · scale   (scale = 1 / number of rows)
//
// dmean: [columns]; dx: [count / columns, columns]. accumulate = 1 adds to what dx holds. One thread per number: any width.

struct Params { groupOffset: vec3u, count: u32, columns: u32, scale: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dmean: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  var value = dmean[i % params.columns] * params.scale;
  if (params.accumulate != 0u) {
    value += dx[i];
  }
  dx[i] = value;
}
