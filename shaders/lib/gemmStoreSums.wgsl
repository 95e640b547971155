// How a thread of a matrix product (gemmParams.wgsl) stores its sums, row by row. The lib that includes this has storeRow.

/// Stores scale · sums + bias where rows and columns exist.
fn storeSums(rows: Place, columns: Place, split: u32, sums: Sums) {
  storeColumns(rows, columns.near, split, mat4x4f(sums.row0.near, sums.row1.near, sums.row2.near, sums.row3.near), mat4x4f(sums.row4.near, sums.row5.near, sums.row6.near, sums.row7.near));
  if (COLUMNS > 4u) {
    storeColumns(rows, columns.far, split, mat4x4f(sums.row0.far, sums.row1.far, sums.row2.far, sums.row3.far), mat4x4f(sums.row4.far, sums.row5.far, sums.row6.far, sums.row7.far));
  }
}

/// The same for four columns: of the near rows and the far ones.
fn storeColumns(rows: Place, column: u32, split: u32, near: mat4x4f, far: mat4x4f) {
  if (column >= params.n) {
    return;
  }
  let shift = biasAt(column);
  let origin = params.offsetOut + split * params.splitStride + column;
  storeFour(origin, rows.near, column, near, shift);
  if (ROWS > 4u) {
    storeFour(origin, rows.far, column, far, shift);
  }
}

fn storeFour(origin: u32, row: u32, column: u32, sums: mat4x4f, shift: vec4f) {
  let out = origin + row * params.strideOut;
  if (row < params.m) { storeRow(out, row, column, params.scale * sums[0] + shift); }
  if (ROWS > 1u) {
    if (row + 1u < params.m) { storeRow(out + params.strideOut, row + 1u, column, params.scale * sums[1] + shift); }
    if (row + 2u < params.m) { storeRow(out + 2u * params.strideOut, row + 2u, column, params.scale * sums[2] + shift); }
    if (row + 3u < params.m) { storeRow(out + 3u * params.strideOut, row + 3u, column, params.scale * sums[3] + shift); }
  }
}
