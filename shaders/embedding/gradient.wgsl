// tableGradient[id - firstRow, :] += sum of gradient[t, :] over the tokens t with that id.
//
// order: [T] tokens sorted by id; distinct: [U] ids; starts: [U + 1], where the tokens of each distinct id begin in `order`.
// gradient: [T, D]; tableGradient: [V_s, D] of this shard, whose ids are distinct[firstDistinct + …]; columns = D.
// Workgroup (u, c) owns row distinct[firstDistinct + u], columns 64·c to 64·c + 63, one thread each. Nobody else writes
// there, so the sum needs no atomics and always adds in the same order.

struct Params { groupOffset: vec3u, firstRow: u32, firstDistinct: u32, columns: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> distinct: array<u32>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read> gradient: array<f32>;
@group(0) @binding(5) var<storage, read_write> tableGradient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let u = params.firstDistinct + group.x;
  let column = group.y * 64u + thread;
  if (column >= params.columns) {
    return;
  }
  var sum = 0.0;
  let end = starts[u + 1u];
  for (var entry = starts[u]; entry < end; entry++) {
    sum += gradient[order[entry] * params.columns + column];
  }
  tableGradient[(distinct[u] - params.firstRow) * params.columns + column] += sum;
}
