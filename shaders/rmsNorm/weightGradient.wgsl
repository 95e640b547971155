// partials[b, :] = Σ over the rows t of block b of dy[t, :] ∘ x[t, :] · inverseRms[t]
//
// x, dy: [rows, D]; inverseRms: [rows]; partials: [blocks, D], a block being rowsPerBlock rows; columns = D.
// Workgroup (c, b): one thread per column 64·c + thread walks down the rows of block b, so that neighbours read
// neighbouring memory. sums/columnSums.wgsl then adds up the blocks: two stages in a fixed order instead of atomics.

struct Params { groupOffset: vec3u, rows: u32, columns: u32, rowsPerBlock: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> inverseRms: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let column = group.x * 64u + thread;
  if (column >= params.columns) {
    return;
  }
  let first = group.y * params.rowsPerBlock;
  let end = min(first + params.rowsPerBlock, params.rows);
  var sum = 0.0;
  for (var row = first; row < end; row++) {
    let i = row * params.columns + column;
    sum += dy[i] * x[i] * inverseRms[row];
  }
  partials[group.y * params.columns + column] = sum;
}
