// A learnt factor: out[i] = factors[index] · values[i]
//
// values, out: [count] (a batch attention [B, B])   factors: [n], of which one is used
// One thread per number: B² of them, a trifle beside the attention that reads the result.

struct Params { groupOffset: vec3u, count: u32, index: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (i < params.count) {
    out[i] = factors[params.index] * values[i];
  }
}
