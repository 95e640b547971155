// Which numbers of a matrix dropout keeps: a hash of their place, so that a mask is never stored and is the same wherever and however
// often it is needed, on every device and with any tiles. Number (row, column) under a site is dropped where its 32 bits are below
// `threshold`, that is with probability threshold / 2³²; a number that stays is multiplied by `factor`.
//
// The hash is pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020): a bijection of four words, so that no two
// places under one key share all their bits. Four neighbours of a row take one call. The kernel has `key` (two words, which say what
// batch it is: data, since nothing else of a mask changes from step to step) and params with threshold and factor.

fn pcg4d(place: vec4u) -> vec4u {
  var v = place * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

/// What four neighbours of a row from `column` on, a multiple of four, are multiplied by.
fn dropoutFactors(row: u32, column: u32, site: u32) -> vec4f {
  let bits = pcg4d(vec4u(column >> 2u, row, site ^ key[0], key[1]));
  return select(vec4f(), vec4f(params.factor), bits >= vec4u(params.threshold));
}
