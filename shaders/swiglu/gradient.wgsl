// dgate (+)= dout·up·σ(gate)·(1 + gate·(1 − σ(gate))),   dup (+)= dout·silu(gate)
//
// gateUp, dgateUp: [T, 2F], gates first; dout: [T, F]; columns = F, count = T·F. accumulate = 1 adds to dgateUp.
// One thread per number of dout, as in the forward pass; σ is computed again, which is cheaper than reading it.

//!include sigmoid

struct Params { groupOffset: vec3u, count: u32, columns: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gateUp: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dgateUp: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  let at = i + i / params.columns * params.columns;
  let gate = gateUp[at];
  let gradient = dout[i];
  let s = sigmoid(gate);
  var dgate = gradient * gateUp[at + params.columns] * s * (1.0 + gate * (1.0 - s));
  var dup = gradient * gate * s;
  if (params.accumulate != 0u) {
    dgate += dgateUp[at];
    dup += dgateUp[at + params.columns];
  }
  dgateUp[at] = dgate;
  dgateUp[at + params.columns] = dup;
}
