// Where a thread of a matrix product for software GPUs finds its numbers: shared by the kernels gemm/direct*.wgsl.

//!include gemmSums

@group(0) @binding(1) var<storage, read> a: array<f32>;

/// Side by side: a workgroup has ROWS rows.
const THREADS = 16u;
const STEPS = vec4u(0u, 1u, 2u, 3u);

/// Eight whole numbers, one for each of a thread's rows or columns.
struct EightPlaces { near: vec4u, far: vec4u }

/// First row and first column of a thread's block.
fn blockOf(group: vec3u, thread: u32) -> vec2u {
  return vec2u(ROWS * group.y, COLUMNS * (THREADS * group.x + thread));
}

/// offset + stride · i of eight neighbours from `first` on; those past `count` are as the last one.
fn placesOf(first: u32, count: u32, offset: u32, stride: u32) -> EightPlaces {
  let last = vec4u(count - 1u);
  let near = vec4u(first) + STEPS;
  return EightPlaces(vec4u(offset) + stride * min(near, last), vec4u(offset) + stride * min(near + 4u, last));
}

/// Numbers of A at those places, `shift` further on; only as many as the thread has rows.
fn numbersOfA(places: EightPlaces, shift: u32) -> Eight {
  let at = places.near + shift;
  if (ROWS == 1u) {
    return Eight(vec4f(a[at.x], 0.0, 0.0, 0.0), vec4f());
  }
  let near = vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
  if (ROWS == 4u) {
    return Eight(near, vec4f());
  }
  let far = places.far + shift;
  return Eight(near, vec4f(a[far.x], a[far.y], a[far.z], a[far.w]));
}
