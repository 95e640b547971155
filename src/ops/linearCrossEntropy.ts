import type { Runtime } from './core/runtime.ts';
import { reducing } from './core/reductions.ts';
import { reductionThreads } from './core/rowLanes.ts';
import { gemm } from './core/gemm.ts';
import { mean } from './core/sums.ts';
import type { OpTape } from './core/opTape.ts';
import type { Tensor } from './core/tensor.ts';

/** A stretch of a language model's output head, along the vocabulary, so that no buffer exceeds what a GPU can bind. */
export interface HeadShard {
  /** [V_s, D]: f32, bf16, f16 or i8. */
  readonly weight: Tensor;
}

/** The gradient that a loss [1] will receive, known before the loss is: its factor in what is differentiated. */
export interface LossSeed {
  readonly value: number;
  /** The value on the GPU, [1]: what backward() must begin with. */
  readonly gradient: Tensor;
}

/** A seed of this value, uploaded in the caller's scope. */
export function lossSeed(runtime: Runtime, value: number): LossSeed {
  return { value, gradient: runtime.fromArray(Float32Array.of(value), [1]) };
}

export interface LinearCrossEntropyOptions {
  /**
   * Promises that exactly `seed.gradient` will arrive at the loss, so that gradients can be computed in the forward pass, while
   * the logits are there. Without it backward() takes what arrives, and computes the logits again.
   */
  readonly seed?: LossSeed | undefined;
  /**
   * Bytes of logits in memory at a time. Default: 128 rows of them, or 16 MiB where that is more. At least 16 rows are held whatever
   * this says, and never more than one binding of the device takes.
   */
  readonly logitsBudgetBytes?: number;
}

export interface LinearCrossEntropyResult {
  /** Mean over R, [1]; 0 when R is 0. */
  readonly loss: Tensor;
  /** Loss of each predicted token, [R]. Carries no gradient. */
  readonly tokenLoss: Tensor;
}

const DEFAULT_BUDGET_BYTES = 16 * 2 ** 20;
/** Rows at which a product with the head reads it seldom enough: two large tiles. */
const USUAL_ROWS = 128;
const FEWEST_ROWS = 16;

/**
 * Mean next-token loss: with h_r = hidden[positions[r]] and logits = h · Wᵀ over all shards,
 * loss = 1/R Σ_r (logsumexp(logits_r) − logits_r[targets[r]]).
 *
 * hidden [T, D]; shards along the vocabulary, V = Σ V_s; positions and targets u32 [R], positions < T and all different,
 * targets < V. Logits exist for a few rows at a time, with their gradient in their place: with a `seed` in the forward pass
 * (as in Liger Kernel, arXiv 2410.10989), so that the gradient of a trainable head is complete when this returns; else in
 * the backward pass, at the price of one more product with the head.
 * Backward: dlogits_r = ∂loss/R · (softmax(logits_r) − onehot(targets[r])), dh = dlogits · W, dW = dlogitsᵀ · h.
 * @throws Error for shapes that do not fit, or a packed head that should be trained. backward() throws when another gradient
 *   than the promised one arrives, or none.
 */
export function linearCrossEntropy(
  runtime: Runtime,
  hidden: Tensor,
  shards: readonly HeadShard[],
  positions: Tensor,
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): LinearCrossEntropyResult {
  const { tape } = runtime;
  const { seed, logitsBudgetBytes } = options;
  const count = positions.size;
  checkInputs(shards, positions, targets, hidden.columns);
  const weights = shards.map(({ weight }) => weight);
  const trained = [hidden, ...weights].some(({ requiresGrad }) => requiresGrad);
  const inAdvance: Gradients | undefined =
    tape && seed && trained && count > 0
      ? { tape, factor: seed.value, arrived: undefined, hidden: hiddenGradient(runtime, hidden) }
      : undefined;
  const tokenLoss = runtime.tensor([count]);
  if (count === 0) return { loss: runtime.zeros([1]), tokenLoss };

  const call = { hidden, shards, positions, targets, logitsBudgetBytes };
  overChunks(runtime, call, tokenLoss, inAdvance);
  const loss = mean(runtime, tokenLoss);
  const node = { name: 'linearCrossEntropy', inputs: [hidden, ...weights], outputs: [loss] };
  if (inAdvance)
    tape?.record({
      ...node,
      saved: inAdvance.hidden ? [inAdvance.hidden] : [],
      isPromised: (arrived) => arrived === seed?.gradient,
      backward: (_seed, walking) => inAdvance.hidden && walking.add(hidden, inAdvance.hidden),
    });
  else
    tape?.record({
      ...node,
      saved: [hidden, ...weights, positions, targets],
      backward([arrived], walking) {
        if (!arrived) return;
        const gradients = { tape: walking, factor: 1, arrived, hidden: hiddenGradient(runtime, hidden) };
        overChunks(runtime, call, runtime.tensor([count], 'f32', 'scratch'), gradients);
        if (gradients.hidden) walking.add(hidden, gradients.hidden);
      },
    });
  return { loss, tokenLoss };
}

/** What is differentiated, and where it goes. */
interface Gradients {
  readonly tape: OpTape;
  /** ∂total / ∂loss is `factor`, times `arrived` [1] where only the GPU knows it. */
  readonly factor: number;
  readonly arrived: Tensor | undefined;
  /** [T, D], zero where no token is predicted; undefined where hidden needs none. */
  readonly hidden: Tensor | undefined;
}

function hiddenGradient(runtime: Runtime, hidden: Tensor): Tensor | undefined {
  return hidden.requiresGrad ? runtime.zeros(hidden.shape, 'gradients') : undefined;
}

interface Call {
  readonly hidden: Tensor;
  readonly shards: readonly HeadShard[];
  readonly positions: Tensor;
  readonly targets: Tensor;
  readonly logitsBudgetBytes: number | undefined;
}

/** Writes tokenLoss [R], a chunk of rows after the other, and with `gradients` those of hidden states and head. */
function overChunks(runtime: Runtime, call: Call, tokenLoss: Tensor, gradients: Gradients | undefined): void {
  const { hidden, shards, positions, targets, logitsBudgetBytes } = call;
  const [count, width] = [positions.size, hidden.columns];
  const vocabulary = shards.reduce((sum, { weight }) => sum + weight.rows, 0);
  const chunk = chunkRows(runtime, count, vocabulary, logitsBudgetBytes);
  const threads = reductionThreads(runtime, 256);
  runtime.scope(() => {
    // Rows begin at whole vectors, so that they can be read as such.
    const stride = 4 * Math.ceil(vocabulary / 4);
    const logits = runtime.tensor([chunk, stride], 'f32', 'scratch');
    const picked = runtime.tensor([chunk, width], 'f32', 'scratch');
    for (let first = 0; first < count; first += chunk) {
      const rows = Math.min(chunk, count - first);
      const at = { first, count: rows, width };
      moveRows(runtime, 'gatherRows', at, { source: hidden, positions, gathered: picked });
      const spread = { shards, logits, picked, rows, width, stride };
      shardProducts(runtime, spread);
      runtime.dispatch({
        ...reducing(runtime, 'linearCrossEntropy/crossEntropyRows', {
          GRADIENT: gradients !== undefined,
          ARRIVED: gradients?.arrived !== undefined,
          THREADS: threads,
          LANES: threads,
        }),
        params: { first, vocabulary, vectors: stride / 4, factor: (gradients?.factor ?? 0) / count },
        bindings: {
          targets: targets.slice,
          logits: logits.slice,
          tokenLoss: tokenLoss.slice,
          // Every binding needs a buffer, also one that the kernel leaves alone.
          arrived: (gradients?.arrived ?? targets).slice,
        },
        groups: [rows],
        // An exponential counts for about eight operations.
        flops: rows * vocabulary * (gradients ? 20 : 10),
        bytes: 4 * rows * vocabulary * (gradients ? 3 : 1),
      });
      if (!gradients) continue;
      shardHeadGradients(runtime, gradients.tape, spread);
      if (!gradients.hidden) continue;
      // The picked rows are not needed any more: their gradient takes their place.
      shardHiddenGradient(runtime, spread);
      moveRows(runtime, 'scatterRows', at, { rows: picked, positions, scattered: gradients.hidden });
    }
  });
}

/** A chunk of rows: logits [rows, V] `stride` apart (later their gradient), picked hidden states [rows, D]. */
interface Chunk {
  readonly shards: readonly HeadShard[];
  readonly logits: Tensor;
  readonly picked: Tensor;
  readonly rows: number;
  readonly width: number;
  readonly stride: number;
}

/** Rows of logits held at a time: what the budget and one binding allow, in chunks of nearly equal size. */
function chunkRows(runtime: Runtime, count: number, vocabulary: number, wanted: number | undefined): number {
  const rowBytes = 16 * Math.ceil(vocabulary / 4);
  const budgetBytes = wanted ?? Math.max(DEFAULT_BUDGET_BYTES, USUAL_ROWS * rowBytes);
  const { maxBufferSize, maxStorageBufferBindingSize } = runtime.gpu.limits;
  const bindable = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / rowBytes);
  const allowed = Math.max(1, Math.min(bindable, Math.max(FEWEST_ROWS, Math.floor(budgetBytes / rowBytes))));
  return Math.ceil(count / Math.ceil(count / allowed));
}

/** logits[:, V_s] = picked · W_sᵀ, shard by shard. */
function shardProducts(runtime: Runtime, { shards, logits, picked, rows, width, stride }: Chunk): void {
  let offset = 0;
  for (const { weight } of shards) {
    const out = { tensor: logits, offset, stride };
    gemm(runtime, {
      layout: 'NT',
      m: rows,
      n: weight.rows,
      k: width,
      a: { tensor: picked },
      b: { tensor: weight },
      out,
    });
    offset += weight.rows;
  }
}

/** dW_s += dlogits[:, V_s]ᵀ · picked. */
function shardHeadGradients(
  runtime: Runtime,
  tape: OpTape,
  { shards, logits, picked, rows, width, stride }: Chunk,
): void {
  let offset = 0;
  for (const { weight } of shards) {
    if (weight.requiresGrad) {
      const { tensor, accumulate } = tape.target(weight);
      gemm(runtime, {
        layout: 'TN',
        m: weight.rows,
        n: width,
        k: rows,
        ofGradient: true,
        a: { tensor: logits, offset, stride },
        b: { tensor: picked },
        out: { tensor },
        accumulate,
      });
    }
    offset += weight.rows;
  }
}

/** dpicked = Σ_s dlogits[:, V_s] · W_s, over the picked rows. */
function shardHiddenGradient(runtime: Runtime, { shards, logits, picked, rows, width, stride }: Chunk): void {
  let offset = 0;
  for (const { weight } of shards) {
    gemm(runtime, {
      layout: 'NN',
      m: rows,
      n: width,
      k: weight.rows,
      ofGradient: true,
      a: { tensor: logits, offset, stride },
      b: { tensor: weight },
      out: { tensor: picked },
      accumulate: offset > 0,
    });
    offset += weight.rows;
  }
}

function moveRows(
  runtime: Runtime,
  kernel: 'gatherRows' | 'scatterRows',
  at: { first: number; count: number; width: number },
  tensors: Readonly<Record<string, Tensor>>,
): void {
  runtime.dispatch({
    kernel: `linearCrossEntropy/${kernel}`,
    params: at,
    bindings: Object.fromEntries(Object.entries(tensors).map(([name, { slice }]) => [name, slice])),
    groups: [Math.ceil(at.width / 256), at.count],
    flops: 0,
    bytes: 8 * at.count * at.width,
  });
}

function checkInputs(shards: readonly HeadShard[], positions: Tensor, targets: Tensor, width: number): void {
  if (shards.length === 0) throw new Error('linearCrossEntropy: the head has no shards.');
  for (const { weight } of shards) {
    if (weight.columns !== width)
      throw new Error(`linearCrossEntropy: hidden states of ${width} numbers do not fit a head for ${weight.columns}.`);
    if (weight.requiresGrad && weight.dtype !== 'f32')
      throw new Error(`linearCrossEntropy: a ${weight.dtype} head cannot be trained. Load it as f32, or freeze it.`);
  }
  if (positions.dtype !== 'u32' || targets.dtype !== 'u32' || positions.size !== targets.size)
    throw new Error(
      `linearCrossEntropy: ${positions.size} positions (${positions.dtype}) and ${targets.size} targets (${targets.dtype}) ` +
        'must be u32 and equally many.',
    );
}
