// out[i] = Σ over 16 chains of x ← a·x + b, `rounds` times each: as many multiply-adds as a device does at most, and no memory.
//
// seeds: [4] vectors of four, the chains' first x; factors: [a, b, ·, ·], one vector; out: [count], a number per thread.
// A chain waits for its own result, so a thread has sixteen of them in four vectors: enough for one instruction to begin while those
// before it are under way. Factors come from memory, or a compiler would compute all of it beforehand.

struct Params { groupOffset: vec3u, count: u32, rounds: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> seeds: array<vec4f>;
@group(0) @binding(2) var<storage, read> factors: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (workgroup.x + params.groupOffset.x) * 256u + thread;
  if (i >= params.count) { return; }
  let a = vec4f(factors[0].x);
  // Each thread its own numbers: the same for all could be computed once.
  let b = vec4f(factors[0].y * f32(i % 7u));
  var x0 = seeds[0];
  var x1 = seeds[1];
  var x2 = seeds[2];
  var x3 = seeds[3];
  for (var round = 0u; round < params.rounds; round++) {
    x0 = fma(x0, a, b); x1 = fma(x1, a, b); x2 = fma(x2, a, b); x3 = fma(x3, a, b);
    x0 = fma(x0, a, b); x1 = fma(x1, a, b); x2 = fma(x2, a, b); x3 = fma(x3, a, b);
    x0 = fma(x0, a, b); x1 = fma(x1, a, b); x2 = fma(x2, a, b); x3 = fma(x3, a, b);
    x0 = fma(x0, a, b); x1 = fma(x1, a, b); x2 = fma(x2, a, b); x3 = fma(x3, a, b);
  }
  let sum = (x0 + x1) + (x2 + x3);
  out[i] = (sum.x + sum.y) + (sum.z + sum.w);
}
