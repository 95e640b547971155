// What a thread of a matrix product holds of the result, and how it is added up and stored: shared by all kernels of gemm/.
//
// A thread has 1, 4 or 8 rows and 4 or 8 columns, in groups of four neighbours: a near one and, of eight, a far one. Everything
// is spelt out row by row, since arrays that are indexed as a program runs need not stay in registers. Products are formed
// one k after the other, each number by a multiply-add of its own, so that they fuse and their order is the same everywhere.
// The kernel that includes this has storeRow (gemmStore.wgsl, gemmStoreRagged.wgsl).

/// Rows and columns of the result per thread.
override ROWS: u32 = 4u;
override COLUMNS: u32 = 4u;

/// Eight numbers: of a row of the result, or those of an operand at one k.
struct Eight { near: vec4f, far: vec4f }

/// Rows of the result; those that a thread does not have stay zero.
struct Sums {
  row0: Eight, row1: Eight, row2: Eight, row3: Eight,
  row4: Eight, row5: Eight, row6: Eight, row7: Eight,
}

fn plusRow(a: Eight, b: Eight) -> Eight {
  if (COLUMNS > 4u) {
    return Eight(a.near + b.near, a.far + b.far);
  }
  return Eight(a.near + b.near, a.far);
}

/// The total with what a step made.
fn added(total: Sums, part: Sums) -> Sums {
  var sums = total;
  sums.row0 = plusRow(total.row0, part.row0);
  if (ROWS > 1u) {
    sums.row1 = plusRow(total.row1, part.row1);
    sums.row2 = plusRow(total.row2, part.row2);
    sums.row3 = plusRow(total.row3, part.row3);
  }
  if (ROWS > 4u) {
    sums.row4 = plusRow(total.row4, part.row4);
    sums.row5 = plusRow(total.row5, part.row5);
    sums.row6 = plusRow(total.row6, part.row6);
    sums.row7 = plusRow(total.row7, part.row7);
  }
  return sums;
}

fn multiplyRow(sum: Eight, factor: f32, columns: Eight) -> Eight {
  if (COLUMNS > 4u) {
    return Eight(sum.near + factor * columns.near, sum.far + factor * columns.far);
  }
  return Eight(sum.near + factor * columns.near, sum.far);
}

/// part + rows · columns, at one k.
fn multiplied(part: Sums, rows: Eight, columns: Eight) -> Sums {
  var sums = part;
  sums.row0 = multiplyRow(part.row0, rows.near.x, columns);
  if (ROWS > 1u) {
    sums.row1 = multiplyRow(part.row1, rows.near.y, columns);
    sums.row2 = multiplyRow(part.row2, rows.near.z, columns);
    sums.row3 = multiplyRow(part.row3, rows.near.w, columns);
  }
  if (ROWS > 4u) {
    sums.row4 = multiplyRow(part.row4, rows.far.x, columns);
    sums.row5 = multiplyRow(part.row5, rows.far.y, columns);
    sums.row6 = multiplyRow(part.row6, rows.far.z, columns);
    sums.row7 = multiplyRow(part.row7, rows.far.w, columns);
  }
  return sums;
}

/// Where a thread's rows or columns begin.
struct Place { near: u32, far: u32 }

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
