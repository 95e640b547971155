// norms[0] = √(Σ partials), norms[g] = √(Σ partials of group g), or infinity if any partial there, or the sum, is none of the
// finite numbers
//
// partials: [count] sums of squares from squaredSums.wgsl, group after group; norms: [1 + groups]; both bit patterns of f32. Groups are
// counted from 1: group g is the partials from the end of group g − 1 (0 for the first) to endg, the last one's end being count.
// One workgroup for each norm: there are few partials, and one order of adding gives one result.

//!include finite

override THREADS: u32 = 256u;

struct Params { groupOffset: vec3u, count: u32, end1: u32, end2: u32, end3: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partials: array<u32>;
@group(0) @binding(2) var<storage, read_write> norms: array<u32>;

var<workgroup> partial: array<f32, THREADS>;
var<workgroup> broken: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.x + params.groupOffset.x;
  let ends = vec4u(params.end1, params.end2, params.end3, params.count);
  let first = select(ends[max(group, 2u) - 2u], 0u, group < 2u);
  let end = select(ends[max(group, 1u) - 1u], params.count, group == 0u);
  var sum = 0.0;
  var bad = false;
  for (var i = first + thread; i < end; i += THREADS) {
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
    norms[group] = select(INFINITY_BITS, bitcast<u32>(sqrt(partial[0])), usable);
  }
}
