// tokenLoss[first + r] = log Σ_v exp(logits[r, v]) − logits[r, target], and with GRADIENT, in place of the logits,
// factor · (softmax(logits[r]) − onehot(target)): the gradient of factor · loss with respect to them. With ARRIVED the
// factor is multiplied with arrived[0], which the host does not know.
//
// logits: [count, vocabulary], rows `vectors` vectors of four apart (the numbers after the last column of a row are ignored, and
// may be overwritten).   targets, tokenLoss: [R], of which elements first … first + count − 1 are meant.
// arrived: [1], read with ARRIVED only.
// One workgroup per row. Each thread walks along the row in steps of THREADS vectors with a running maximum and a running sum of
// exponentials relative to it; then both are merged over the workgroup. So a row is read once for the loss and once more for
// the gradient, and no exponential can overflow. The loss is (maximum − target's logit) + log(sum): two numbers ≥ 0 whose sum
// keeps its digits where the model is sure, while logsumexp − logit would cancel.

//!include rowSum

override GRADIENT: bool = false;
override ARRIVED: bool = false;

struct Params { groupOffset: vec3u, first: u32, vocabulary: u32, vectors: u32, factor: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> logits: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> tokenLoss: array<f32>;
@group(0) @binding(4) var<storage, read> arrived: array<f32>;

/// Stands for minus infinity: exp(x − maximum) is 0 for it, for every maximum that occurs.
const LOWEST = -1e30;

/// Vector `i` of the row that begins at vector `start`; numbers after the last column are LOWEST.
fn load(start: u32, i: u32) -> vec4f {
  let value = logits[start + i];
  let column = 4u * i;
  if (column + 4u <= params.vocabulary) { return value; }
  let inside = vec4u(column, column + 1u, column + 2u, column + 3u) < vec4u(params.vocabulary);
  return select(vec4f(LOWEST), value, inside);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = workgroup.x + params.groupOffset.x;
  let start = row * params.vectors;
  let token = targets[params.first + row];
  var targetLogit = 0.0;
  if (thread == 0u) { targetLogit = logits[start + token / 4u][token % 4u]; }

  var maximum = LOWEST;
  // One sum per component: next to the 1 of the largest, the tiny exponentials of a sure model would round away.
  var parts = vec4f();
  for (var i = thread; i < params.vectors; i += THREADS) {
    let value = load(start, i);
    let highest = max(max(value.x, value.y), max(value.z, value.w));
    if (highest > maximum) {
      parts *= exp(maximum - highest);
      maximum = highest;
    }
    parts += exp(value - maximum);
  }
  // A thread without a vector has LOWEST and 0: it adds nothing.
  let own = maximum;
  maximum = rowMaximum(own, thread);
  let sum = rowSum(((parts.x + parts.y) + (parts.z + parts.w)) * exp(own - maximum), thread);
  // Storage too: nobody may overwrite the target's logit before thread 0 has read it.
  storageBarrier();
  if (thread == 0u) { tokenLoss[params.first + row] = (maximum - targetLogit) + log(sum); }
  if (GRADIENT) {
    var factor = params.factor;
    if (ARRIVED) { factor *= arrived[0]; }
    for (var i = thread; i < params.vectors; i += THREADS) {
      var p = exp(load(start, i) - maximum) / sum;
      if (token / 4u == i) {
        p -= vec4f(vec4u(0u, 1u, 2u, 3u) == vec4u(token % 4u));
      }
      logits[start + i] = factor * p;
    }
  }
}
