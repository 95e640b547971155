// out[t, f] = silu(gate)·up,   silu(x) = x·σ(x),   gate = gateUp[t, f], up = gateUp[t, F + f]
//
// gateUp: [T, 2F], gates first; out: [T, F]; vectors = F/4, count = T·F/4.
// One thread per vec4 of the output: the kernel only moves memory, so wide neighbouring loads are all that matters.

//!include sigmoid

struct Params { groupOffset: vec3u, count: u32, vectors: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gateUp: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  let at = i + i / params.vectors * params.vectors;
  let gate = gateUp[at];
  out[i] = gate * sigmoid(gate) * gateUp[at + params.vectors];
}
