// out[t, k] (+)= x[t, k] · mask[t, k]: inverted dropout, mask 0 or 1 / (1 − rate) (lib/dropoutMask.wgsl).
//
// x, out: [T, columns], `count` numbers.   key: [2].
// One thread per vector of four in memory. With VECTOR (columns are a multiple of four) it lies in one row and takes one hash; else each
// number looks up its own place. The last, ragged vector is done by its elements: `out` may be a stretch of a larger buffer.

//!include dropoutMask

override ACCUMULATE: bool = false;
override VECTOR: bool = true;

struct Params { groupOffset: vec3u, count: u32, columns: u32, site: u32, threshold: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<storage, read> key: array<u32>;

fn factorAt(index: u32) -> f32 {
  let column = index % params.columns;
  return dropoutFactors(index / params.columns, column & ~3u, params.site)[column & 3u];
}

fn factorsFrom(index: u32) -> vec4f {
  if (VECTOR) {
    return dropoutFactors(index / params.columns, index % params.columns, params.site);
  }
  return vec4f(factorAt(index), factorAt(index + 1u), factorAt(index + 2u), factorAt(index + 3u));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  let first = i * 4u;
  if (first >= params.count) {
    return;
  }
  let value = x[i] * factorsFrom(first);
  if (first + 4u <= params.count) {
    if (ACCUMULATE) { out[i] += value; } else { out[i] = value; }
  } else {
    for (var c = 0u; first + c < params.count; c++) {
      if (ACCUMULATE) { out[i][c] += value[c]; } else { out[i][c] = value[c]; }
    }
  }
}
