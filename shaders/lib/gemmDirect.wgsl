// A block of a matrix product straight from the buffers, for software GPUs: shared by gemm/direct.wgsl and gemm/directRagged.wgsl, which
// differ in how they store it. What is asked for: gemmParams.wgsl.
//
// A CPU has caches in place of workgroup memory, and pays for a barrier by saving and restoring all threads of the workgroup. What
// costs it most is a load: it runs threads as one vector, and fetches each number for each of them by itself, whether or not
// they are neighbours. So each thread owns ROWS × 8 numbers of the result and makes 64 multiply-adds of 16 loads per k, where
// blocks of 4 × 4 make 16 of 8 (npm run bench -- kernels has such blocks beside it: `cached`). One k at a time, since a CPU has few
// registers; numbers one by one, so that any offset and length will do. Rows and columns past the end take the last one's
// numbers and are not stored: there is nothing to check per load.

//!include gemmParams
//!include gemmSums

@group(0) @binding(1) var<storage, read> a: array<f32>;
/// Bit patterns: a word holds one number in f32, two of 16 bits or four of 8.
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read> moreA: array<f32>;
@group(0) @binding(7) var<storage, read> moreB: array<f32>;

/// Side by side: a workgroup has ROWS rows.
const THREADS = 16u;
const STEPS = vec4u(0u, 1u, 2u, 3u);
const ANY = 0xffffffffu;

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

/// The same of eight neighbouring columns, as they are stored.
fn placesOfColumns(first: u32, offset: u32, stride: u32) -> EightPlaces {
  if (!GATED) {
    return placesOf(first, params.n, offset, stride);
  }
  let columns = placesOf(first, params.n, 0u, 1u);
  let half = params.n >> 1u;
  return EightPlaces(
    vec4u(offset) + stride * ((columns.near >> vec4u(1u)) + (columns.near & vec4u(1u)) * half),
    vec4u(offset) + stride * ((columns.far >> vec4u(1u)) + (columns.far & vec4u(1u)) * half),
  );
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

fn numbersOfMoreA(places: EightPlaces, shift: u32) -> Eight {
  let at = places.near + shift;
  if (ROWS == 1u) {
    return Eight(vec4f(moreA[at.x], 0.0, 0.0, 0.0), vec4f());
  }
  let near = vec4f(moreA[at.x], moreA[at.y], moreA[at.z], moreA[at.w]);
  if (ROWS == 4u) {
    return Eight(near, vec4f());
  }
  let far = places.far + shift;
  return Eight(near, vec4f(moreA[far.x], moreA[far.y], moreA[far.z], moreA[far.w]));
}

/// One number of B, not yet scaled.
fn numberOfB(index: u32) -> f32 {
  if (WEIGHT_FORMAT == 0u) {
    return bitcast<f32>(b[index]);
  }
  if (WEIGHT_FORMAT == 3u) {
    return f32(bitcast<i32>(b[index >> 2u] << (24u - 8u * (index & 3u))) >> 24u);
  }
  let pair = unpackPair(b[index >> 1u]);
  return select(pair.x, pair.y, (index & 1u) == 1u);
}

fn numbersOfB(places: EightPlaces, shift: u32) -> Eight {
  let near = places.near + shift;
  let far = places.far + shift;
  return Eight(
    vec4f(numberOfB(near.x), numberOfB(near.y), numberOfB(near.z), numberOfB(near.w)),
    vec4f(numberOfB(far.x), numberOfB(far.y), numberOfB(far.z), numberOfB(far.w)),
  );
}

/// The scales of eight neighbouring columns of an i8 B at k. A step lies within a group of 32, as do eight columns from a multiple of eight on.
fn scalesOf(column: u32, k: u32) -> Eight {
  if (TRANSPOSE_B) {
    let rows = placesOfColumns(column, 0u, 1u);
    return Eight(
      vec4f(scaleB(rows.near.x, k), scaleB(rows.near.y, k), scaleB(rows.near.z, k), scaleB(rows.near.w, k)),
      vec4f(scaleB(rows.far.x, k), scaleB(rows.far.y, k), scaleB(rows.far.z, k), scaleB(rows.far.w, k)),
    );
  }
  let one = vec4f(scaleB(k, column));
  return Eight(one, one);
}

fn roundedA(numbers: Eight) -> Eight {
  return Eight(widened(operandsOfA(numbers.near)), widened(operandsOfA(numbers.far)));
}

fn roundedB(numbers: Eight) -> Eight {
  return Eight(widened(operandsOfB(numbers.near)), widened(operandsOfB(numbers.far)));
}

/// What the thread's block is over stretch number `split` of K; what MORE adds is the first stretch's.
fn blockProduct(row: u32, column: u32, split: u32) -> Sums {
  let stretch = stretchOfK(split);
  if (BLOCKS_B) {
    return blocksProduct(row, column, stretch);
  }
  let stepA = select(1u, params.strideA, TRANSPOSE_A);
  let stepB = select(params.strideB, 1u, TRANSPOSE_B);
  let rows = placesOf(row, params.m, params.offsetA, select(params.strideA, 1u, TRANSPOSE_A));
  let columns = placesOfColumns(column, params.offsetB, select(1u, params.strideB, TRANSPOSE_B));
  var sums = Sums();
  for (var first = stretch.x; first < stretch.y; first += TILE_K) {
    var part = Sums();
    var scale = Eight();
    if (WEIGHT_FORMAT == 3u && TRANSPOSE_B) {
      scale = scalesOf(column, first);
    }
    let end = min(stretch.y, first + TILE_K);
    for (var k = first; k < end; k++) {
      var factors = numbersOfB(columns, k * stepB);
      if (WEIGHT_FORMAT == 3u) {
        if (!TRANSPOSE_B) {
          scale = scalesOf(column, k);
        }
        factors = Eight(factors.near * scale.near, factors.far * scale.far);
      }
      part = multiplied(part, roundedA(numbersOfA(rows, k * stepA)), roundedB(factors));
    }
    sums = added(sums, part);
  }
  if (MORE && split == 0u) {
    sums = moreProduct(sums, row, column);
  }
  return sums;
}

/// Columns of moreB: where their numbers begin, and which k they have: `count` from `first` on.
struct MoreColumns { places: EightPlaces, first: EightPlaces, count: u32 }

fn numberOfMoreB(at: u32, exists: bool) -> f32 {
  return select(0.0, moreB[at], exists);
}

fn numbersOfMoreB(columns: MoreColumns, k: u32, step: u32) -> Eight {
  let near = columns.places.near + k * step;
  let far = columns.places.far + k * step;
  let hasNear = vec4u(k) - columns.first.near < vec4u(columns.count);
  let hasFar = vec4u(k) - columns.first.far < vec4u(columns.count);
  return Eight(
    vec4f(
      numberOfMoreB(near.x, hasNear.x),
      numberOfMoreB(near.y, hasNear.y),
      numberOfMoreB(near.z, hasNear.z),
      numberOfMoreB(near.w, hasNear.w),
    ),
    vec4f(
      numberOfMoreB(far.x, hasFar.x),
      numberOfMoreB(far.y, hasFar.y),
      numberOfMoreB(far.z, hasFar.z),
      numberOfMoreB(far.w, hasFar.w),
    ),
  );
}

/// Goes on with the second pair.
fn moreProduct(before: Sums, row: u32, column: u32) -> Sums {
  let rows = placesOf(row, params.m, params.offsetMoreA, params.strideMoreA);
  let step = select(params.strideMoreB, 1u, TRANSPOSE_B);
  let stretch = stretchOfMore(column, column + COLUMNS);
  var columns = MoreColumns(EightPlaces(), EightPlaces(), ANY);
  if (MORE_BLOCKS) {
    columns = columnsInBlocks(column);
  } else {
    columns.places = placesOfColumns(column, params.offsetMoreB, select(1u, params.strideMoreB, TRANSPOSE_B));
  }
  var sums = before;
  for (var first = stretch.x; first < stretch.y; first += TILE_K) {
    var part = Sums();
    let end = min(stretch.y, first + TILE_K);
    for (var k = first; k < end; k++) {
      part = multiplied(part, roundedA(numbersOfMoreA(rows, k)), roundedB(numbersOfMoreB(columns, k, step)));
    }
    sums = added(sums, part);
  }
  return sums;
}

/// Of a matrix of blocks, transposed: a column is a row of one block, of which it has the numbers. Where they begin if k began with them (x),
/// and the first k that it has (y).
fn columnInBlocks(column: u32) -> vec2u {
  let place = blockRow(columnAt(column));
  let first = place.x * params.rank;
  return vec2u(place.y * params.rank - first, first);
}

fn columnsInBlocks(column: u32) -> MoreColumns {
  let c0 = columnInBlocks(column);
  let c1 = columnInBlocks(column + 1u);
  let c2 = columnInBlocks(column + 2u);
  let c3 = columnInBlocks(column + 3u);
  let c4 = columnInBlocks(column + 4u);
  let c5 = columnInBlocks(column + 5u);
  let c6 = columnInBlocks(column + 6u);
  let c7 = columnInBlocks(column + 7u);
  return MoreColumns(
    EightPlaces(vec4u(c0.x, c1.x, c2.x, c3.x), vec4u(c4.x, c5.x, c6.x, c7.x)),
    EightPlaces(vec4u(c0.y, c1.y, c2.y, c3.y), vec4u(c4.y, c5.y, c6.y, c7.y)),
    params.rank,
  );
}

/// With a matrix of blocks for B: block by block, and of each only the rows that it has.
fn blocksProduct(row: u32, column: u32, stretch: vec2u) -> Sums {
  let stepA = select(1u, params.strideA, TRANSPOSE_A);
  let rows = placesOf(row, params.m, params.offsetA, select(params.strideA, 1u, TRANSPOSE_A));
  var sums = Sums();
  for (var p = 0u; p < 3u; p++) {
    let block = blockAt(p);
    if (column + COLUMNS > block.w && column < block.w + params.rank) {
      let near = vec4u(column) + STEPS;
      let origin = (block.z - block.x) * params.rank - block.w;
      let columns = MoreColumns(
        EightPlaces(near + origin, near + 4u + origin),
        EightPlaces(firstInBlock(near, block), firstInBlock(near + 4u, block)),
        block.y - block.x,
      );
      let last = min(stretch.y, block.y);
      for (var first = max(stretch.x, block.x & ~3u); first < last; first += TILE_K) {
        var part = Sums();
        let end = min(last, first + TILE_K);
        for (var k = first; k < end; k++) {
          part = multiplied(part, roundedA(numbersOfA(rows, k * stepA)), roundedB(numbersOfMoreB(columns, k, params.rank)));
        }
        sums = added(sums, part);
      }
    }
  }
  return sums;
}

/// The first row that columns have in a block: outside of it none.
fn firstInBlock(columns: vec4u, block: vec4u) -> vec4u {
  return select(vec4u(block.y), vec4u(block.x), (columns >= vec4u(block.w)) & (columns < vec4u(block.w + params.rank)));
}

/// A thread's block of the result: the near columns of all its rows, then the far ones.
var<private> rowsOfBlock: array<vec4f, 16>;

/// Stores scale · sums + bias where rows and columns exist, as storeSums does, row by row in a loop: spelt out, sixteen stores would take a
/// software GPU a third of the time that it compiles a product for.
fn storeBlock(row: u32, column: u32, split: u32, sums: Sums) {
  rowsOfBlock = array<vec4f, 16>(
    sums.row0.near, sums.row1.near, sums.row2.near, sums.row3.near,
    sums.row4.near, sums.row5.near, sums.row6.near, sums.row7.near,
    sums.row0.far, sums.row1.far, sums.row2.far, sums.row3.far,
    sums.row4.far, sums.row5.far, sums.row6.far, sums.row7.far,
  );
  let end = min(ROWS, params.m - row);
  for (var half = 0u; half < 2u; half++) {
    let first = column + 4u * half;
    if (first < params.n) {
      let shift = biasAt(first);
      let origin = params.offsetOut + split * params.splitStride + first;
      for (var i = 0u; i < end; i++) {
        let sum = params.scale * rowsOfBlock[8u * half + i] + shift;
        storeRow(origin + (row + i) * params.strideOut, row + i, first, sum);
      }
    }
  }
}
