// out[M, N] (+)= A · B and outSecond[K, N] (+)= Aᵀ · C in one dispatch, for software GPUs: A [M, K], B [K, N], C [M, N]. More of it: lib/gemmPair.wgsl.
// Threads and tiling: lib/gemmDirect.wgsl.

//!include gemmPair
//!include gemmPlaces

@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;

/// Numbers of B or C at those places, `shift` further on.
fn numbersOfColumns(places: EightPlaces, shift: u32) -> Eight {
  let near = places.near + shift;
  let far = places.far + shift;
  if (isSecond) {
    return Eight(vec4f(c[near.x], c[near.y], c[near.z], c[near.w]), vec4f(c[far.x], c[far.y], c[far.z], c[far.w]));
  }
  return Eight(vec4f(b[near.x], b[near.y], b[near.z], b[near.w]), vec4f(b[far.x], b[far.y], b[far.z], b[far.w]));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup + params.groupOffset;
  isSecond = group.y >= params.firstGroups;
  let sizes = sizesOf(isSecond);
  let block = blockOf(vec3u(group.x, groupRow(group.y), 0u), thread);
  if (block.x >= sizes.x || block.y >= params.n) {
    return;
  }
  let rows = placesOf(block.x, sizes.x, 0u, select(params.k, 1u, isSecond));
  let columns = placesOf(block.y, params.n, 0u, 1u);
  let step = select(1u, params.k, isSecond);
  var sums = Sums();
  for (var first = 0u; first < sizes.y; first += TILE_K) {
    var part = Sums();
    let end = min(sizes.y, first + TILE_K);
    for (var k = first; k < end; k++) {
      part = multiplied(part, numbersOfA(rows, k * step), numbersOfColumns(columns, k * params.n));
    }
    sums = added(sums, part);
  }
  storeSums(Place(block.x, block.x + 4u), Place(block.y, block.y + 4u), sums);
}
