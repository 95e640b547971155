// partials[b, 0, :] = Σ over the query heads h of the tokens of block b of dy[h, :] ∘ x[h, :] · inverseRms[h];
// partials[b, 1, :] = the same over their key heads
//
// x, dy: [T, (H + 2G)·hd]; inverseRms: [T, H + 2G]; partials: [blocks, 2, hd], a block being tokensPerBlock tokens;
// tokens = T, columns = hd.
// Workgroup (c, b): one thread per column 64·c + thread of the two rows walks down the heads of its kind in block b, so that
// neighbours read neighbouring memory. sums/columnSums.wgsl then adds up the blocks: two stages in a fixed order, no atomics.

struct Params { groupOffset: vec3u, tokens: u32, columns: u32, tokensPerBlock: u32 }

override HEADS: u32 = 1u;
override KV_HEADS: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> inverseRms: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let column = group.x * 64u + thread;
  if (column >= 2u * params.columns) {
    return;
  }
  let isKey = column >= params.columns;
  let d = column % params.columns;
  let firstHead = select(0u, HEADS, isKey);
  let heads = select(HEADS, KV_HEADS, isKey);
  let first = group.y * params.tokensPerBlock;
  let end = min(first + params.tokensPerBlock, params.tokens);
  var sum = 0.0;
  for (var token = first; token < end; token++) {
    let row = token * (HEADS + 2u * KV_HEADS) + firstHead;
    for (var head = row; head < row + heads; head++) {
      let i = head * params.columns + d;
      sum += dy[i] * x[i] * inverseRms[head];
    }
  }
  partials[group.y * 2u * params.columns + column] = sum;
}
