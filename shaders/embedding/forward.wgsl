// out[t, :] = table[ids[t] - firstRow, :] for the tokens t whose id lies in this shard of the table.
//
// ids: [T]; rows = V_s: ids of other shards are left to them. table: [V_s, D] as f32, or bf16 / f16 packed two to a word, or i8 packed
// four to a word, across the ends of rows: of odd D every other row begins in the middle of a word. scales: of i8, bf16
// [V_s, ⌈D/32⌉]. out: f32 [T, D]; columns = D.
// One thread per number of `out`: neighbours read and write neighbouring memory, whatever D is. How many there are follows from T
// alone, and not from which ids fall into the shard, so that a dispatch serves every batch of as many tokens.

//!include weights

struct Params { groupOffset: vec3u, tokens: u32, columns: u32, firstRow: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read> scales: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let token = i / params.columns;
  if (token >= params.tokens) {
    return;
  }
  // Ids before the shard wrap round and are as much beyond its rows as those behind it.
  let row = ids[token] - params.firstRow;
  if (row >= params.rows) {
    return;
  }
  let column = i % params.columns;
  let at = row * params.columns + column;
  var value: f32;
  if (WEIGHT_FORMAT == 0u) {
    value = bitcast<f32>(table[at]);
  } else if (WEIGHT_FORMAT == 3u) {
    let groups = (params.columns + (1u << GROUP_SHIFT) - 1u) >> GROUP_SHIFT;
    let scale = row * groups + (column >> GROUP_SHIFT);
    value = unpackBytes(table[at / 4u])[at % 4u] * unpackBf16(scales[scale / 2u])[scale % 2u];
  } else {
    value = unpackPair(table[at / 2u])[at % 2u];
  }
  out[i] = value;
}
