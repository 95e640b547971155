// tableGradient[id - firstRow, :] += sum of gradient[t, :] over the tokens t with that id, for the ids of this shard.
//
// ids: [T]; order: [T] tokens sorted by id, then by place. gradient: [T, D]; tableGradient: [V_s, D]; rows = V_s, columns = D.
// Workgroup (e, c) looks at entry e of `order`, columns 64·c to 64·c + 63, one thread each. That of the first entry with an id owns
// the id's row and adds up all its tokens, the others end at once: nobody else writes there, so the sum needs no atomics and always
// adds in the same order, and how many workgroups there are follows from T alone.

struct Params { groupOffset: vec3u, tokens: u32, columns: u32, firstRow: u32, rows: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> tableGradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let first = group.x;
  let column = group.y * 64u + thread;
  if (column >= params.columns) {
    return;
  }
  var token = order[first];
  let id = ids[token];
  let row = id - params.firstRow;
  if (row >= params.rows || (first > 0u && ids[order[first - 1u]] == id)) {
    return;
  }
  var sum = 0.0;
  var entry = first;
  loop {
    sum += gradient[token * params.columns + column];
    entry++;
    if (entry >= params.tokens) {
      break;
    }
    token = order[entry];
    if (ids[token] != id) {
      break;
    }
  }
  tableGradient[row * params.columns + column] += sum;
}
