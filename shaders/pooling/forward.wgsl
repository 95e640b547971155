// pooled[b, :] = mean of hidden[t, :] over the pooled tokens of row b: all of them, the first, the last, or its content.
//
// hidden: [T, D]; starts: [B + 1], where rows begin; content: [B, 2], the first token of a row's content and the one behind its last;
// pooled: [B, D]; columns = D. MODE: 0 = mean, 1 = first, 2 = last, 3 = content.
// Workgroup (c, b): 32 columns (32·c …) × 8 threads that share the row's tokens and add up through workgroup memory.

struct Params { groupOffset: vec3u, columns: u32 }

override MODE: u32 = 0u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> hidden: array<f32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> content: array<u32>;
@group(0) @binding(4) var<storage, read_write> pooled: array<f32>;

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let column = group.x * 32u + thread % 32u;
  let inside = column < params.columns;
  var first = starts[group.y];
  var end = starts[group.y + 1u];
  if (MODE == 1u) {
    end = first + 1u;
  } else if (MODE == 2u) {
    first = end - 1u;
  } else if (MODE == 3u) {
    first = content[2u * group.y];
    end = content[2u * group.y + 1u];
  }
  var sum = 0.0;
  if (inside) {
    for (var t = first + thread / 32u; t < end; t += 8u) {
      sum += hidden[t * params.columns + column];
    }
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var stride = 128u; stride >= 32u; stride /= 2u) {
    if (thread < stride) {
      partial[thread] += partial[thread + stride];
    }
    workgroupBarrier();
  }
  if (thread < 32u && inside) {
    pooled[group.y * params.columns + column] = partial[thread] / f32(end - first);
  }
}
