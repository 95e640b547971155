// Sums and maxima over the threads that share a row. A workgroup serves THREADS / LANES rows; LANES is a power of two, and the
// threads of a row follow each other. Every thread of the workgroup must call, also one whose row does not exist.
// rowSum.subgroups.wgsl is the form for devices whose threads exchange numbers directly: with it, a call need not be a barrier.

override THREADS: u32 = 64u;
override LANES: u32 = 64u;

var<workgroup> rowPartial: array<f32, THREADS>;

/// Sum of `value` over the row's LANES threads, the same for each of them, in an order that never changes.
fn rowSum(value: f32, thread: u32) -> f32 {
  let lane = thread % LANES;
  rowPartial[thread] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      rowPartial[thread] += rowPartial[thread + stride];
    }
    workgroupBarrier();
  }
  let sum = rowPartial[thread - lane];
  // Nobody may start the next sum before everybody has read this one.
  workgroupBarrier();
  return sum;
}

/// The largest of the row, likewise.
fn rowMaximum(value: f32, thread: u32) -> f32 {
  let lane = thread % LANES;
  rowPartial[thread] = value;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (lane < stride) {
      rowPartial[thread] = max(rowPartial[thread], rowPartial[thread + stride]);
    }
    workgroupBarrier();
  }
  let highest = rowPartial[thread - lane];
  workgroupBarrier();
  return highest;
}
