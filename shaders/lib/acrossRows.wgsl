// Sums and maxima over the ACROSS neighbouring threads, 8 or 16, that share four rows of a tile: lane by lane, the same for each of them.
// Every thread of the workgroup must call, and each call is a barrier: what was staged before it has been read, and may be written over
// after it. The kernel that includes this has THREADS and ACROSS.
// acrossRows.subgroups.wgsl is the form for devices whose threads exchange numbers directly.

var<workgroup> shares: array<vec4f, THREADS>;

/// Of the threads from `first` on, number i, and of sixteen the one eight further on.
fn pairOfShares(first: u32, i: u32) -> vec4f {
  if (ACROSS > 8u) {
    return shares[first + i] + shares[first + i + 8u];
  }
  return shares[first + i];
}

/// In pairs of those that are furthest from each other, then in pairs of these.
fn sumAcross(own: vec4f, thread: u32) -> vec4f {
  workgroupBarrier(); // the last shares have been read
  shares[thread] = own;
  workgroupBarrier();
  let first = thread - thread % ACROSS;
  let even = (pairOfShares(first, 0u) + pairOfShares(first, 4u)) + (pairOfShares(first, 2u) + pairOfShares(first, 6u));
  let odd = (pairOfShares(first, 1u) + pairOfShares(first, 5u)) + (pairOfShares(first, 3u) + pairOfShares(first, 7u));
  return even + odd;
}

fn maximumAcross(own: vec4f, thread: u32) -> vec4f {
  var highest = own;
  workgroupBarrier();
  shares[thread] = own;
  workgroupBarrier();
  let first = thread - thread % ACROSS;
  for (var i = 0u; i < ACROSS; i++) {
    highest = max(highest, shares[first + i]);
  }
  return highest;
}
