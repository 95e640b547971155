import { openNodeContext } from '../../src/cli/nodeGpu.ts';
import type { OpenOptions } from '../../src/gpu/device.ts';
import type { Context } from '../../src/ops/context.ts';
import { Tape } from '../../src/ops/tape.ts';
import type { Tensor } from '../../src/ops/tensor.ts';

/** A context on the machine's adapter. Throws where there is none: a missing GPU fails tests, it never skips them. */
export function openTestContext(options: OpenOptions = {}): Promise<Context> {
  return openNodeContext(options);
}

/** What an op made of its inputs, and the gradients that flow back when its outputs receive `seeds`. */
export interface OpRun {
  outputs: Float32Array[];
  gradients: Float32Array[];
}

export interface OpInput {
  data: Float32Array | Uint32Array;
  shape: readonly number[];
  /** Default true for floats. */
  requiresGrad?: boolean;
}

/**
 * Uploads `inputs`, runs `op` forward, then backward with `seeds` as the outputs' gradients, and reads everything back.
 * Fails if the op leaves memory behind. `gradients` holds one array per input with requiresGrad, in order.
 */
export async function runOp(
  context: Context,
  inputs: readonly OpInput[],
  op: (context: Context, tensors: Tensor[]) => readonly Tensor[],
  seeds?: readonly Float32Array[],
): Promise<OpRun> {
  const before = context.pool.report().liveBuffers;
  const tape = new Tape(context);
  const pending: Promise<Float32Array>[] = [];
  const pendingGradients: Promise<Float32Array>[] = [];
  context.scope(() => {
    const tensors = inputs.map(({ data, shape, requiresGrad }) => {
      const tensor = context.fromArray(data, shape);
      tensor.requiresGrad = requiresGrad ?? data instanceof Float32Array;
      return tensor;
    });
    context.tape = seeds ? tape : undefined;
    const outputs = op(context, tensors);
    context.tape = undefined;
    for (const output of outputs) pending.push(context.read(output));
    if (!seeds) return;
    const roots = outputs.flatMap((tensor, i) => {
      const seed = seeds[i];
      return seed ? [{ tensor, gradient: context.fromArray(seed, tensor.shape) }] : [];
    });
    tape.backward(roots);
    for (const tensor of tensors) {
      if (!tensor.requiresGrad) continue;
      const gradient = tape.gradientOf(tensor);
      if (!gradient) throw new Error(`No gradient arrived at an input of shape [${tensor.shape.join(', ')}].`);
      pendingGradients.push(context.read(gradient));
    }
  });
  tape.dispose();
  await context.recorder.flush();
  const leaked = context.pool.report().liveBuffers - before;
  if (leaked !== 0) throw new Error(`The op left ${leaked} buffers behind.`);
  return { outputs: await Promise.all(pending), gradients: await Promise.all(pendingGradients) };
}
