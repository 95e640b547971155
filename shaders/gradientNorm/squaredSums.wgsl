// partials[firstPartial + g] = Σ values[i]² over the 16,384 numbers of chunk g (bit pattern of an f32)
//
// values: [count], read as bit patterns; partials: one word per chunk. A chunk with a NaN or infinity gives infinity, found by
// looking at the bits. Workgroup g takes chunk g: neighbouring threads read neighbouring vec4, then a tree in workgroup
// memory. First stage of gradientNorm; norm.wgsl is the second.

//!include finite

override THREADS: u32 = 256u;
override STEPS: u32 = 4096u / THREADS;

struct Params { groupOffset: vec3u, count: u32, firstPartial: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> partials: array<u32>;

var<workgroup> partial: array<f32, THREADS>;
var<workgroup> broken: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let chunk = workgroup.x + params.groupOffset.x;
  var sum = 0.0;
  var bad = false;
  for (var step = 0u; step < STEPS; step++) {
    let i = (chunk * STEPS + step) * THREADS + thread;
    if (i * 4u >= params.count) {
      break;
    }
    var bits = values[i];
    // What follows the last number belongs to nobody: it may be anything.
    let inside = vec4u(0u, 1u, 2u, 3u) + i * 4u < vec4u(params.count);
    bits = select(vec4u(), bits, inside);
    bad = bad || any((bits & vec4u(INFINITY_BITS)) == vec4u(INFINITY_BITS));
    let value = bitcast<vec4f>(bits);
    sum += dot(value, value);
  }
  partial[thread] = sum;
  broken[thread] = u32(bad);
  workgroupBarrier();
  for (var stride = THREADS / 2u; stride > 0u; stride /= 2u) {
    if (thread < stride) {
      partial[thread] += partial[thread + stride];
      broken[thread] |= broken[thread + stride];
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    let bits = bitcast<u32>(partial[0]);
    partials[params.firstPartial + chunk] = select(INFINITY_BITS, bits, broken[0] == 0u && isFinite(bits));
  }
}
