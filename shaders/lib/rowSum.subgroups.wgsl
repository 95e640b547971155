// Sums over the threads that share a row, as rowSum.wgsl, where neighbouring threads exchange numbers directly: SUBGROUP of them surely do,
// a power of two, whatever the GPU takes more. What reaches further goes by way of workgroup memory. Pairs are added as there, so that sums
// are the same to the bit.
//
// Rests on threads of a workgroup being numbered along subgroups, as all known drivers have it; who asks for this form has made sure
// (ops/core/subgroupOrder.ts).

override THREADS: u32 = 64u;
override LANES: u32 = 64u;
override SUBGROUP: u32 = 4u;

var<workgroup> rowPartial: array<f32, THREADS>;

fn rowSum(value: f32, thread: u32) -> f32 {
  var sum = value;
  for (var stride = LANES / 2u; stride >= SUBGROUP; stride /= 2u) {
    rowPartial[thread] = sum;
    workgroupBarrier();
    sum += rowPartial[thread ^ stride];
    workgroupBarrier();
  }
  for (var stride = min(LANES, SUBGROUP) / 2u; stride > 0u; stride /= 2u) {
    sum += subgroupShuffleXor(sum, stride);
  }
  return sum;
}
