// Vectors of four from heads of HEAD_DIM numbers, which need not begin or end where a vec4 of the buffer does.

/// Vector `vector` of a head that begins 4·vector numbers before `at`; `low` holds number `at`, `high` number at + 2. A head
/// of 4n + 2 numbers may begin in the middle of a vec4 and ends in the middle of its last vector.
fn headVector(low: vec4f, high: vec4f, at: u32, vector: u32) -> vec4f {
  if (HEAD_DIM % 4u == 0u) {
    return low;
  }
  let shifted = (at & 2u) != 0u;
  let begin = select(low.xy, low.zw, shifted);
  let end = select(high.zw, high.xy, shifted);
  return vec4f(begin, select(vec2f(), end, 4u * vector + 2u < HEAD_DIM));
}
