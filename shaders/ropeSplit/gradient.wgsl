// The way back of forward.wgsl: gradients of q and k turned by the opposite angle, those of v as they are, merged.
//   dqkv[d] (+)= dq[d]·cos + dq[d + hd/2]·sin,   dqkv[d + hd/2] (+)= dq[d + hd/2]·cos − dq[d]·sin
//
// dq: [T, H·hd]; dk, dv: [T, G·hd]; each counts as zero where hasQ, hasK, hasV is 0 (its binding is then not read).
// positions: [T]; rotary: [L, hd/2] of (cos, sin); dqkv: [T, (H + 2G)·hd]. accumulate = 1 adds to what dqkv holds.
// One thread per pair of one head of one token, as in the forward pass.

struct Params { groupOffset: vec3u, count: u32, hasQ: u32, hasK: u32, hasV: u32, accumulate: u32 }

override HEADS: u32 = 1u;
override KV_HEADS: u32 = 1u;
override HALF: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dq: array<f32>;
@group(0) @binding(2) var<storage, read> dk: array<f32>;
@group(0) @binding(3) var<storage, read> dv: array<f32>;
@group(0) @binding(4) var<storage, read> positions: array<u32>;
@group(0) @binding(5) var<storage, read> rotary: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  let d = i % HALF;
  let slot = i / HALF;
  let head = slot % (HEADS + 2u * KV_HEADS);
  let token = slot / (HEADS + 2u * KV_HEADS);
  let destination = slot * 2u * HALF + d;
  var a = 0.0;
  var b = 0.0;
  if (head < HEADS) {
    let at = (token * HEADS + head) * 2u * HALF + d;
    if (params.hasQ != 0u) {
      a = dq[at];
      b = dq[at + HALF];
    }
  } else if (head < HEADS + KV_HEADS) {
    let at = (token * KV_HEADS + head - HEADS) * 2u * HALF + d;
    if (params.hasK != 0u) {
      a = dk[at];
      b = dk[at + HALF];
    }
  } else {
    let at = (token * KV_HEADS + head - HEADS - KV_HEADS) * 2u * HALF + d;
    if (params.hasV != 0u) {
      a = dv[at];
      b = dv[at + HALF];
    }
  }
  var turned = vec2f(a, b);
  if (head < HEADS + KV_HEADS) {
    let turn = rotary[positions[token] * HALF + d];
    turned = vec2f(a * turn.x + b * turn.y, b * turn.x - a * turn.y);
  }
  if (params.accumulate != 0u) {
    turned += vec2f(dqkv[destination], dqkv[destination + HALF]);
  }
  dqkv[destination] = turned.x;
  dqkv[destination + HALF] = turned.y;
}
