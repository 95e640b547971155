// The operands of a matrix product (gemmParams.wgsl), read four numbers at a time: shared by the kernels for GPUs.
//
// VECTOR_A, VECTOR_B: offset, stride and row length of the stored matrix are multiples of four, so that a row can be read in
// whole vectors; the host finds out.

//!include gemmParams
//!include gemmMore

override VECTOR_A: bool = true;
override VECTOR_B: bool = true;

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
/// Bit patterns: a vector holds four numbers in f32, eight of 16 bits or sixteen of 8.
@group(0) @binding(2) var<storage, read> b: array<vec4u>;

fn elementA(index: u32) -> f32 {
  return a[index >> 2u][index & 3u];
}

/// Two neighbouring words of B: four numbers of 16 bits from element `index` on, a multiple of four.
fn wordsB(index: u32) -> vec2u {
  let words = b[index >> 3u];
  return select(words.xy, words.zw, (index & 4u) != 0u);
}

fn elementB(index: u32) -> f32 {
  if (WEIGHT_FORMAT == 0u) {
    return bitcast<f32>(b[index >> 2u][index & 3u]);
  }
  if (WEIGHT_FORMAT == 3u) {
    return unpackBytes(b[index >> 4u][(index >> 2u) & 3u])[index & 3u];
  }
  let pair = unpackPair(b[index >> 3u][(index >> 1u) & 3u]);
  return select(pair.x, pair.y, (index & 1u) == 1u);
}

/// Four numbers of stored row `row` of A from `column` on; zeros outside `rows` × `columns`. Without branches: what lies
/// outside is read too (WebGPU keeps every read inside the buffer) and then dropped.
fn loadA(row: u32, column: u32, rows: u32, columns: u32) -> vec4f {
  let index = params.offsetA + row * params.strideA + column;
  if (VECTOR_A) {
    return select(vec4f(), a[index >> 2u], row < rows && column < columns);
  }
  let value = vec4f(elementA(index), elementA(index + 1u), elementA(index + 2u), elementA(index + 3u));
  return select(vec4f(), value, inside(row, column, rows, columns));
}

/// The same for B, widened to f32.
fn loadB(row: u32, column: u32, rows: u32, columns: u32) -> vec4f {
  let index = params.offsetB + row * params.strideB + column;
  if (VECTOR_B) {
    let exists = row < rows && column < columns;
    if (WEIGHT_FORMAT == 0u) {
      return select(vec4f(), bitcast<vec4f>(b[index >> 2u]), exists);
    }
    if (WEIGHT_FORMAT == 3u) {
      // A group begins at a multiple of four columns, so all four numbers are of one.
      let numbers = unpackBytes(b[index >> 4u][(index >> 2u) & 3u]);
      return select(vec4f(), scaleB(row, column) * numbers, exists);
    }
    let words = wordsB(index);
    return select(vec4f(), vec4f(unpackPair(words.x), unpackPair(words.y)), exists);
  }
  var value = vec4f(elementB(index), elementB(index + 1u), elementB(index + 2u), elementB(index + 3u));
  if (WEIGHT_FORMAT == 3u) {
    value *= scaleB(row, column);
  }
  return select(vec4f(), value, inside(row, column, rows, columns));
}

/// Which of four neighbours lie inside `rows` × `columns`.
fn inside(row: u32, column: u32, rows: u32, columns: u32) -> vec4<bool> {
  let end = select(0u, columns, row < rows);
  return vec4u(column, column + 1u, column + 2u, column + 3u) < vec4u(end);
}
