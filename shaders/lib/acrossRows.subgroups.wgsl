// As acrossRows.wgsl, where neighbouring threads exchange numbers directly: see rowSum.subgroups.wgsl. Pairs are added as there, so that
// sums are the same to the bit.

override SUBGROUP: u32 = 4u;

var<workgroup> shares: array<vec4f, THREADS>;

/// What the thread `stride` away holds, for strides that subgroups do not reach over.
fn ofDistant(own: vec4f, thread: u32, stride: u32) -> vec4f {
  workgroupBarrier(); // the last shares have been read
  shares[thread] = own;
  workgroupBarrier();
  return shares[thread ^ stride];
}

/// Where nothing goes by way of workgroup memory there is no other barrier.
fn waitForAll() {
  if (SUBGROUP >= ACROSS) {
    workgroupBarrier();
  }
}

fn sumAcross(own: vec4f, thread: u32) -> vec4f {
  waitForAll();
  var sum = own;
  for (var stride = ACROSS / 2u; stride >= SUBGROUP; stride /= 2u) {
    sum += ofDistant(sum, thread, stride);
  }
  for (var stride = min(ACROSS, SUBGROUP) / 2u; stride > 0u; stride /= 2u) {
    sum += subgroupShuffleXor(sum, stride);
  }
  return sum;
}

fn maximumAcross(own: vec4f, thread: u32) -> vec4f {
  waitForAll();
  var highest = own;
  for (var stride = ACROSS / 2u; stride >= SUBGROUP; stride /= 2u) {
    highest = max(highest, ofDistant(highest, thread, stride));
  }
  for (var stride = min(ACROSS, SUBGROUP) / 2u; stride > 0u; stride /= 2u) {
    highest = max(highest, subgroupShuffleXor(highest, stride));
  }
  return highest;
}
