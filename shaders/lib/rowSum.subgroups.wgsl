// As rowSum.wgsl, where neighbouring threads exchange numbers directly: SUBGROUP of them surely do, a power of two; where a GPU takes more
// of them, that does no harm. What reaches further goes by way of workgroup memory. Pairs are added as there, so that sums are the same
// to the bit.
//
// Rests on the threads of a workgroup being numbered along subgroups, which WGSL does not promise: ops/core/subgroupOrder.ts finds out.

override THREADS: u32 = 64u;
override LANES: u32 = 64u;
override SUBGROUP: u32 = 4u;

var<workgroup> rowPartial: array<f32, THREADS>;

/// What the thread `stride` away holds, for strides that subgroups do not reach over.
fn ofDistant(value: f32, thread: u32, stride: u32) -> f32 {
  rowPartial[thread] = value;
  workgroupBarrier();
  let other = rowPartial[thread ^ stride];
  workgroupBarrier();
  return other;
}

fn rowSum(value: f32, thread: u32) -> f32 {
  var sum = value;
  for (var stride = LANES / 2u; stride >= SUBGROUP; stride /= 2u) {
    sum += ofDistant(sum, thread, stride);
  }
  for (var stride = min(LANES, SUBGROUP) / 2u; stride > 0u; stride /= 2u) {
    sum += subgroupShuffleXor(sum, stride);
  }
  return sum;
}

fn rowMaximum(value: f32, thread: u32) -> f32 {
  var highest = value;
  for (var stride = LANES / 2u; stride >= SUBGROUP; stride /= 2u) {
    highest = max(highest, ofDistant(highest, thread, stride));
  }
  for (var stride = min(LANES, SUBGROUP) / 2u; stride > 0u; stride /= 2u) {
    highest = max(highest, subgroupShuffleXor(highest, stride));
  }
  return highest;
}
