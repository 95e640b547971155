// What a thread of a matrix product holds of the result, and how it is added up: shared by all kernels of gemm/.
//
// A thread has 1, 4 or 8 rows and 4 or 8 columns, in groups of four neighbours: a near one and, of eight, a far one. Everything
// is spelt out row by row, since arrays that are indexed as a program runs need not stay in registers. Products are formed
// one k after the other, each number by a multiply-add of its own, so that they fuse and their order is the same everywhere.

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

/// A thread's rows or columns at four k: a matrix column each.
struct Fours { near: mat4x4f, far: mat4x4f }

/// part + rows · columns, at four k.
fn multipliedFours(part: Sums, rows: Fours, columns: Fours) -> Sums {
  var sums = multiplied(part, Eight(rows.near[0], rows.far[0]), Eight(columns.near[0], columns.far[0]));
  sums = multiplied(sums, Eight(rows.near[1], rows.far[1]), Eight(columns.near[1], columns.far[1]));
  sums = multiplied(sums, Eight(rows.near[2], rows.far[2]), Eight(columns.near[2], columns.far[2]));
  return multiplied(sums, Eight(rows.near[3], rows.far[3]), Eight(columns.near[3], columns.far[3]));
}

/// Where a thread's rows or columns begin.
struct Place { near: u32, far: u32 }
