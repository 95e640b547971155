// norm[0] = √(Σ partials), or infinity if any partial, or the sum, is none of the finite numbers
//
// partials: [count] sums of squares from squaredSums.wgsl; norm: [1]; both bit patterns of f32.
// One workgroup: there are few partials, and one order of adding gives one result.

//!include finite

override THREADS: u32 = 256u;

struct Params { groupOffset: vec3u, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<u32>;
@group(0) @binding(2) var<storage, read_write> norm: array<u32>;

var<workgroup> partial: array<f32, THREADS>;
var<workgroup> broken: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  var bad = false;
  for (var i = thread + THREADS * (workgroup.x + params.groupOffset.x); i < params.count; i += THREADS) {
    let bits = partials[i];
    bad = bad || !isFinite(bits);
    sum += bitcast<f32>(bits);
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
    let usable = broken[0] == 0u && isFinite(bitcast<u32>(partial[0]));
    norm[0] = select(INFINITY_BITS, bitcast<u32>(sqrt(partial[0])), usable);
  }
}
