// ∂L/∂A_ij (+)= gate · Σ_{t,h} ŵ_ij[t, h] for the pairs that are read, ŵ from statistics.tiled.wgsl.
//
// state: as lib/pairTable.wgsl has it   attentionGradient: [B, B]; entries of pairs that are not read are left as they are
//
// One workgroup per slot: its entries are consecutive. Each thread adds up every THREADS-th, then the threads add up in a tree:
// always in the same order, so the result is the same to the bit each time.

struct Params { groupOffset: vec3u, chunks: u32, pairs: u32, heads: u32, gate: f32, accumulate: u32 }

@group(0) @binding(0) var<uniform> params: Params;
//!include pairTable
@group(0) @binding(2) var<storage, read> state: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> attentionGradient: array<f32>;

override THREADS: u32 = 64u;
var<workgroup> partials: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let slot = workgroup.x + params.groupOffset.x;
  let pair = pairAt(slot);
  let tokens = chunkAt(pair.query).tokens;
  let first = stateIndex(pair, tokens, 0u, 0u);
  var sum = 0.0;
  for (var i = thread; i < tokens * params.heads; i += THREADS) {
    sum += state[first + i].y;
  }
  partials[thread] = sum;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) {
      partials[thread] += partials[thread + half];
    }
  }
  if (thread == 0u) {
    let at = pair.query * params.chunks + pair.context;
    let before = select(0.0, attentionGradient[at], params.accumulate == 1u);
    attentionGradient[at] = before + params.gate * partials[0];
  }
}
