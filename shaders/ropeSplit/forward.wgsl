// Splits a fused projection into queries, keys and values, and turns queries and keys by their positions:
//   q'[d] = q[d]·cos − q[d + hd/2]·sin,   q'[d + hd/2] = q[d + hd/2]·cos + q[d]·sin      (angle = position · frequency[d])
//
// qkv: [T, (H + 2G)·hd], heads in the order q, k, v; positions: [T]; rotary: [L, hd/2] of (cos, sin).
// q: [T, H·hd]; k, v: [T, G·hd]. HEADS = H, KV_HEADS = G, HALF = hd/2.
// One thread per pair (d, d + hd/2) of one head of one token: it needs both to turn them. Neighbours take neighbouring d, so
// loads and stores are runs of HALF words; scalars, because half a head need not be a multiple of 4.
// The table comes from the host: WGSL promises its sin and cos only to 2^-11.

struct Params { groupOffset: vec3u, count: u32 }

override HEADS: u32 = 1u;
override KV_HEADS: u32 = 1u;
override HALF: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read> rotary: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> q: array<f32>;
@group(0) @binding(5) var<storage, read_write> k: array<f32>;
@group(0) @binding(6) var<storage, read_write> v: array<f32>;

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
  let source = slot * 2u * HALF + d;
  let a = qkv[source];
  let b = qkv[source + HALF];
  if (head >= HEADS + KV_HEADS) {
    let at = (token * KV_HEADS + head - HEADS - KV_HEADS) * 2u * HALF + d;
    v[at] = a;
    v[at + HALF] = b;
    return;
  }
  let turn = rotary[positions[token] * HALF + d];
  let first = a * turn.x - b * turn.y;
  let second = b * turn.x + a * turn.y;
  if (head < HEADS) {
    let at = (token * HEADS + head) * 2u * HALF + d;
    q[at] = first;
    q[at + HALF] = second;
  } else {
    let at = (token * KV_HEADS + head - HEADS) * 2u * HALF + d;
    k[at] = first;
    k[at + HALF] = second;
  }
}
