// dhidden[t, :] (+)= dpooled[b, :] / (number of pooled tokens of row b) if t was pooled, else 0;   b = the row of token t
//
// dpooled: [B, D]; rowOfToken: [T]; starts: [B + 1]; content: [B, 2], first token and the one behind the last; dhidden: [T, D];
// columns = D, count = T·D. MODE: 0 = mean, 1 = first token, 2 = last token, 3 = content. accumulate = 1 adds to what dhidden holds.
// One thread per number of dhidden.

struct Params { groupOffset: vec3u, count: u32, columns: u32, accumulate: u32 }

override MODE: u32 = 0u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dpooled: array<f32>;
@group(0) @binding(2) var<storage, read> rowOfToken: array<u32>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read> content: array<u32>;
@group(0) @binding(5) var<storage, read_write> dhidden: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) {
    return;
  }
  let token = i / params.columns;
  let row = rowOfToken[token];
  let first = starts[row];
  let end = starts[row + 1u];
  var value = 0.0;
  if (MODE == 0u) {
    value = dpooled[row * params.columns + i % params.columns] / f32(end - first);
  } else if (MODE == 3u) {
    let begin = content[2u * row];
    let behind = content[2u * row + 1u];
    if (token >= begin && token < behind) {
      value = dpooled[row * params.columns + i % params.columns] / f32(behind - begin);
    }
  } else if (token == select(end - 1u, first, MODE == 1u)) {
    value = dpooled[row * params.columns + i % params.columns];
  }
  if (params.accumulate != 0u) {
    value += dhidden[i];
  }
  dhidden[i] = value;
}
