// The second product of a gradient kernel without workgroup memory, beside the scores of attentionDirect.wgsl: values and the
// gradient of the output, block[j][i] = own[i] · other[j], each kept and read like the sides of the scores. The kernel adds
//   fn ownOfProducts(start: u32, vector: u32) -> vec4f      fn otherOfProducts(start: u32, vector: u32) -> vec4f

//!include attentionDirect

var<private> keptOfProducts: array<vec4f, 4u * SLAB>;

fn keepOwnOfProducts(own: vec4u) {
  if (SLABS == 1u) {
    for (var vector = 0u; vector < VECTORS; vector++) {
      for (var row = 0u; row < 4u; row++) {
        keptOfProducts[4u * vector + row] = ownOfProducts(own[row], vector);
      }
    }
  }
}

/// As scores().
fn products(own: vec4u, others: vec4u) -> mat4x4f {
  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  for (var vector = 0u; vector < VECTORS; vector++) {
    let columns = mat4x4f(
      otherOfProducts(others.x, vector),
      otherOfProducts(others.y, vector),
      otherOfProducts(others.z, vector),
      otherOfProducts(others.w, vector),
    );
    if (SLABS == 1u) {
      row0 += keptOfProducts[4u * vector] * columns;
      row1 += keptOfProducts[4u * vector + 1u] * columns;
      row2 += keptOfProducts[4u * vector + 2u] * columns;
      row3 += keptOfProducts[4u * vector + 3u] * columns;
    } else {
      row0 += ownOfProducts(own.x, vector) * columns;
      row1 += ownOfProducts(own.y, vector) * columns;
      row2 += ownOfProducts(own.z, vector) * columns;
      row3 += ownOfProducts(own.w, vector) * columns;
    }
  }
  return transpose(mat4x4f(row0, row1, row2, row3));
}
