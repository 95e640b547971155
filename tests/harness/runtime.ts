import { openNodeRuntime } from '../../src/cli/support/nodeGpu.ts';
import type { OpenOptions } from '../../src/gpu/device.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';

/** A runtime on the machine's GPU. Throws where there is none: a missing GPU fails tests, it never skips them. */
export function openTestRuntime(options: OpenOptions = {}): Promise<Runtime> {
  return openNodeRuntime(options);
}

/** What an op made of its inputs, and the gradients that flow back when its outputs receive `seeds`. */
export interface OpRun {
  outputs: Float32Array[];
  gradients: Float32Array[];
  /** Dispatches that both passes took. */
  dispatches: number;
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
  runtime: Runtime,
  inputs: readonly OpInput[],
  op: (runtime: Runtime, tensors: Tensor[]) => readonly Tensor[],
  seeds?: readonly Float32Array[],
): Promise<OpRun> {
  const before = runtime.pool.report().liveBuffers;
  const tape = new Tape(runtime);
  const pending: Promise<Float32Array>[] = [];
  const pendingGradients: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    const tensors = inputs.map(({ data, shape, requiresGrad }) => {
      const tensor = runtime.fromArray(data, shape);
      tensor.requiresGrad = requiresGrad ?? data instanceof Float32Array;
      return tensor;
    });
    runtime.tape = seeds ? tape : undefined;
    const outputs = op(runtime, tensors);
    runtime.tape = undefined;
    for (const output of outputs) pending.push(runtime.read(output));
    if (!seeds) return;
    const roots = outputs.flatMap((tensor, i) => {
      const seed = seeds[i];
      return seed ? [{ tensor, gradient: runtime.fromArray(seed, tensor.shape) }] : [];
    });
    tape.backward(roots);
    for (const tensor of tensors) {
      if (!tensor.requiresGrad) continue;
      const gradient = tape.gradientOf(tensor);
      if (!gradient) throw new Error(`No gradient arrived at an input of shape [${tensor.shape.join(', ')}].`);
      pendingGradients.push(runtime.read(gradient));
    }
  });
  tape.dispose();
  const { dispatches } = await runtime.recorder.flush();
  const leaked = runtime.pool.report().liveBuffers - before;
  if (leaked !== 0) throw new Error(`The op left ${leaked} buffers behind.`);
  return { outputs: await Promise.all(pending), gradients: await Promise.all(pendingGradients), dispatches };
}
