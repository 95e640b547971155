// out[t, f] = silu(gate)·up,   silu(x) = x·σ(x),   gate = gateUp[t, f], up = gateUp[t, F + f]
//
// gateUp: [T, 2F], gates first; out: [T, F]; columns = F, count = T·F.
// One thread per number of the output: the kernel only moves memory, and neighbours touch neighbouring words for any F.

//!include sigmoid

struct Params { groupOffset: vec3u, count: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gateUp: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  let at = i + i / params.columns * params.columns;
  let gate = gateUp[at];
  out[i] = gate * sigmoid(gate) * gateUp[at + params.columns];
}
