// Register-blocked products of tiles for attention, shared by its forward and backward kernels.
//
// A workgroup works on TILE × TILE pairs of tokens. Thread (down, across) owns the four rows 4·down … 4·down + 3 and
// the columns across, across + ACROSS, …: a column of its scores is one vec4, lane = row.
//
//   addScores   scores[row, column] += Σ over a chunk of the head dimension of left[row] · right[column]
//   addProduct  out[row]            += Σ over columns of weights[row, column] · values[column]
//
// Both operands of addScores pass through `staged` in chunks of SCORE_WIDTH vectors, the values of addProduct in chunks
// of OUT_WIDTH vectors, so the memory used does not depend on the head dimension: 14.3 KiB with TILE = 32. Two output
// chunks reach to 128 numbers a head; larger heads need TILE = 16, ACROSS = 16, whose chunks are twice as wide. Per vector of
// the head dimension addScores loads 8 vec4 for 64 multiply-adds (TILE = 32, ACROSS = 8), addProduct 3 for 32. Rows are
// padded by one vec4 so that the eight threads which read eight rows at once meet eight different sets of banks.

//!include headVector

/// Numbers per head; even.
override HEAD_DIM: u32 = 64u;
/// Tokens per tile: 16 or 32.
override TILE: u32 = 32u;
/// Threads across a tile: 8 or 16. Sixteen halve the registers that each thread needs.
override ACROSS: u32 = 8u;

override DOWN: u32 = TILE / 4u;
override THREADS: u32 = DOWN * ACROSS;
override SCORE_COLUMNS: u32 = TILE / ACROSS;
/// Vectors of four per head; the last is filled up with zeros.
override VECTORS: u32 = (HEAD_DIM + 3u) / 4u;
override SCORE_WIDTH: u32 = min(VECTORS, 8u);
override SCORE_CHUNKS: u32 = (VECTORS + 7u) / 8u;
/// Vectors in the larger of two output chunks: 16, or 32 where 16 threads with two vectors each stand side by side.
override OUT_LIMIT: u32 = 16u + 16u * (ACROSS / 16u) * (16u / TILE);
override OUT_WIDTH: u32 = min(VECTORS, OUT_LIMIT);
/// 1 or 2.
override OUT_CHUNKS: u32 = (VECTORS + OUT_LIMIT - 1u) / OUT_LIMIT;
const SCORE_STRIDE = 9u;
override OUT_STRIDE: u32 = OUT_LIMIT + 1u;

/// Left and right rows of a chunk of scores (TILE · 9 each), or TILE value rows of OUT_STRIDE.
var<workgroup> staged: array<vec4f, TILE * max(2u * SCORE_STRIDE, OUT_STRIDE)>;
/// [column, down]: four rows at a time.
var<workgroup> weights: array<vec4f, TILE * DOWN>;

/// Four rows (matrix columns) times the vectors `across` (left) and `across + ACROSS` (right) of an output chunk.
struct Block { left: mat4x4f, right: mat4x4f }

fn addScores(scores: ptr<function, mat4x4f>, down: u32, across: u32) {
  let left = 4u * down * SCORE_STRIDE;
  let right = (TILE + across) * SCORE_STRIDE;
  for (var c = 0u; c < SCORE_WIDTH; c++) {
    let rows = mat4x4f(
      staged[left + c],
      staged[left + SCORE_STRIDE + c],
      staged[left + 2u * SCORE_STRIDE + c],
      staged[left + 3u * SCORE_STRIDE + c],
    );
    (*scores)[0] += staged[right + c] * rows;
    if (SCORE_COLUMNS > 1u) {
      (*scores)[1] += staged[right + ACROSS * SCORE_STRIDE + c] * rows;
    }
    if (SCORE_COLUMNS > 2u) {
      (*scores)[2] += staged[right + 2u * ACROSS * SCORE_STRIDE + c] * rows;
      (*scores)[3] += staged[right + 3u * ACROSS * SCORE_STRIDE + c] * rows;
    }
  }
}

/// `columns`: how many of them there are, TILE at most. Known only at run time, so that no compiler unrolls the whole
/// tile: software GPUs would take ten seconds over that.
fn addProduct(out: ptr<function, Block>, down: u32, across: u32, columns: u32) {
  if (across >= OUT_WIDTH) {
    return;
  }
  for (var column = 0u; column < columns; column++) {
    let weight = weights[column * DOWN + down];
    let left = staged[column * OUT_STRIDE + across];
    (*out).left += mat4x4f(left * weight.x, left * weight.y, left * weight.z, left * weight.w);
    if (OUT_WIDTH > ACROSS) {
      let right = staged[column * OUT_STRIDE + across + ACROSS];
      (*out).right += mat4x4f(right * weight.x, right * weight.y, right * weight.z, right * weight.w);
    }
  }
}

/// Each of the four rows times its own factor.
fn scaleRows(block: Block, factor: vec4f) -> Block {
  let left = block.left;
  let right = block.right;
  return Block(
    mat4x4f(left[0] * factor.x, left[1] * factor.y, left[2] * factor.z, left[3] * factor.w),
    mat4x4f(right[0] * factor.x, right[1] * factor.y, right[2] * factor.z, right[3] * factor.w),
  );
}

/// Lays a block out in `staged`, a row of OUT_STRIDE each, from where the workgroup stores it in the order of memory.
fn stageBlock(block: Block, down: u32, across: u32) {
  let at = 4u * down * OUT_STRIDE + across;
  if (across < OUT_WIDTH) {
    staged[at] = block.left[0];
    staged[at + OUT_STRIDE] = block.left[1];
    staged[at + 2u * OUT_STRIDE] = block.left[2];
    staged[at + 3u * OUT_STRIDE] = block.left[3];
  }
  if (OUT_WIDTH > ACROSS && across + ACROSS < OUT_WIDTH) {
    staged[at + ACROSS] = block.right[0];
    staged[at + ACROSS + OUT_STRIDE] = block.right[1];
    staged[at + ACROSS + 2u * OUT_STRIDE] = block.right[2];
    staged[at + ACROSS + 3u * OUT_STRIDE] = block.right[3];
  }
}
