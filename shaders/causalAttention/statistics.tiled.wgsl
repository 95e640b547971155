// What the backward kernels need to know of each (token, head) besides q, k, v:
//   statistics[t, h] = (logSumExp[t, h], Σ_d gradient[t, h, d] · out[t, h, d])
//
// gradient, out: [pairs, HEAD_DIM] with pairs = T · heads; logSumExp: [pairs]; statistics: [pairs] of two numbers: one
// binding instead of two, because the key and value kernel needs all eight.
// Eight neighbouring threads share a pair, so that loads are contiguous; eight pairs a workgroup.

struct Params { groupOffset: vec3u, pairs: u32 }

override HEAD_DIM: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec2f>;
@group(0) @binding(2) var<storage, read> out: array<vec2f>;
@group(0) @binding(3) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pair = (workgroup.x + params.groupOffset.x) * 8u + thread / 8u;
  var sum = 0.0;
  if (pair < params.pairs) {
    let first = pair * (HEAD_DIM / 2u);
    for (var i = thread % 8u; i < HEAD_DIM / 2u; i += 8u) {
      sum += dot(gradient[first + i], out[first + i]);
    }
  }
  sums[thread] = sum;
  workgroupBarrier();
  if (thread % 8u == 0u && pair < params.pairs) {
    for (var i = 1u; i < 8u; i++) {
      sum += sums[thread + i];
    }
    statistics[pair] = vec2f(logSumExp[pair], sum);
  }
}
