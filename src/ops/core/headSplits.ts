import type { GradientTarget, OpTape } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import type { Tensor } from './tensor.ts';

/** Workgroups that keep a GPU busy, and those that keep a software GPU's few threads busy. */
const ENOUGH_WORKGROUPS = 512;
const ENOUGH_SOFTWARE_WORKGROUPS = 8;
/** Multiply-adds of a workgroup of a GPU that take about as long as one more launch, which adding up the splits is: an estimate. */
const LAUNCH_MULTIPLY_ADDS = 2 ** 17;

/** What there is to do without splits. */
export interface UnsplitWork {
  /** Query heads of a KV head: the most splits there can be. */
  readonly groupHeads: number;
  readonly workgroups: number;
  /** Of all workgroups. */
  readonly multiplyAdds: number;
}

/**
 * Among how many workgroups the query heads of each KV head are shared out where gradients of keys and values are formed: as many as keep
 * the device busy, as long as each does more than a launch costs.
 */
export function headSplits(runtime: Runtime, { groupHeads, workgroups, multiplyAdds }: UnsplitWork): number {
  const { software } = runtime.gpu.info;
  const enough = Math.ceil((software ? ENOUGH_SOFTWARE_WORKGROUPS : ENOUGH_WORKGROUPS) / workgroups);
  const worthwhile = software ? groupHeads : Math.floor(multiplyAdds / workgroups / LAUNCH_MULTIPLY_ADDS);
  return Math.max(1, Math.min(groupHeads, enough, worthwhile));
}

/**
 * Where a kernel writes the gradients of keys and values: with several splits, or where not both are wanted, parts [splits, …shape] that
 * are summed afterwards, else the gradients themselves. `write` records that kernel: one dispatch for both, so they are two buffers
 * even where keys and values are one tensor.
 */
export function keyValueGradients(
  runtime: Runtime,
  tape: OpTape,
  { k, v, splits }: { readonly k: Tensor; readonly v: Tensor; readonly splits: number },
  write: (key: GradientTarget, value: GradientTarget) => void,
): void {
  if (splits === 1 && k.requiresGrad && v.requiresGrad && k !== v) {
    write(tape.target(k), tape.target(v));
    return;
  }
  const parts = (): GradientTarget => ({
    tensor: runtime.tensor([splits, ...k.shape], 'f32', 'scratch'),
    accumulate: false,
  });
  const [key, value] = [parts(), parts()];
  write(key, value);
  const of = (input: Tensor, { tensor }: GradientTarget) => (input.requiresGrad ? [{ parts: tensor, input }] : []);
  const wanted = [...of(k, key), ...of(v, value)];
  for (const pair of k === v ? wanted.map((one) => [one]) : [wanted]) sum(runtime, tape, pair, splits);
}

interface Parts {
  readonly parts: Tensor;
  readonly input: Tensor;
}

/** Adds up the parts of one or two gradients in one dispatch. */
function sum(runtime: Runtime, tape: OpTape, [first, second = first]: readonly Parts[], splits: number): void {
  if (!first || !second) return;
  const [a, b] = [tape.target(first.input), second === first ? undefined : tape.target(second.input)];
  const count = first.input.size;
  const gradients = b ? 2 : 1;
  runtime.dispatch({
    kernel: 'headSplits/sum',
    params: {
      count,
      splits,
      accumulateFirst: Number(a.accumulate),
      accumulateSecond: Number(b?.accumulate ?? false),
    },
    bindings: {
      first: first.parts.slice,
      second: second.parts.slice,
      firstTotal: a.tensor.slice,
      // Every binding needs a buffer of its own, also one that nothing is written to.
      secondTotal: (b?.tensor ?? runtime.tensor([1], 'f32', 'scratch')).slice,
    },
    groups: [Math.ceil(count / 256), gradients],
    flops: gradients * splits * count,
    bytes: 4 * count * (gradients * (splits + 1) + Number(a.accumulate) + Number(b?.accumulate ?? false)),
  });
}
