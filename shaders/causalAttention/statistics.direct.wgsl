// What the backward kernels need to know of each (token, head) besides q, k, v, for software GPUs:
//   statistics[t, h] = (logSumExp[t, h], Σ_d gradient[t, h, d] · out[t, h, d])
//
// gradient, out: [pairs, HEAD_DIM] with pairs = T · heads; logSumExp: [pairs]; statistics: [pairs] of two numbers.
// One thread per pair: caches do what neighbouring threads on neighbouring numbers do for a GPU, and nothing is exchanged.

struct Params { groupOffset: vec3u, pairs: u32 }

override HEAD_DIM: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec2f>;
@group(0) @binding(2) var<storage, read> out: array<vec2f>;
@group(0) @binding(3) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pair = (workgroup.x + params.groupOffset.x) * 64u + thread;
  if (pair >= params.pairs) {
    return;
  }
  let first = pair * (HEAD_DIM / 2u);
  var sum = 0.0;
  for (var i = 0u; i < HEAD_DIM / 2u; i++) {
    sum += dot(gradient[first + i], out[first + i]);
  }
  statistics[pair] = vec2f(logSumExp[pair], sum);
}
