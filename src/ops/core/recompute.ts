import type { Runtime } from './runtime.ts';
import { Tape } from './tape.ts';
import type { Tensor } from './tensor.ts';

/**
 * Runs `body(inputs)` without remembering its intermediate tensors; backward() runs it again and differentiates that run.
 * Memory: inputs and outputs only. Time: one more forward pass. The kernels are deterministic, so gradients are
 * bit-identical to those of tensors that are kept. Parameters used inside must have gradient slots.
 */
export function recompute(
  runtime: Runtime,
  inputs: readonly Tensor[],
  body: (inputs: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  const { tape } = runtime;
  if (!tape) return runtime.scope(() => body(inputs));
  runtime.tape = undefined;
  let outputs: readonly Tensor[];
  try {
    outputs = runtime.scope(() => body(inputs));
  } finally {
    runtime.tape = tape;
  }
  // Parameters inside may need gradients though no input does, so the node is always recorded.
  for (const output of outputs) output.requiresGrad = true;
  tape.recordAlways({
    name: 'recompute',
    inputs,
    outputs,
    saved: inputs,
    backward(gradients, outer) {
      const inner = new Tape(runtime);
      const leaves = inputs.map((input) => {
        const leaf = runtime.own(input.detach());
        leaf.requiresGrad = input.requiresGrad;
        return leaf;
      });
      try {
        runtime.tape = inner;
        const again = runtime.scope(() => body(leaves));
        runtime.tape = undefined;
        const roots = again.flatMap((tensor, i) => {
          const gradient = gradients[i];
          return gradient ? [{ tensor, gradient }] : [];
        });
        inner.backward(roots);
        leaves.forEach((leaf, i) => {
          const gradient = inner.gradientOf(leaf);
          const input = inputs[i];
          if (gradient && input) outer.add(input, gradient);
        });
      } finally {
        runtime.tape = undefined;
        inner.dispose();
      }
    },
  });
  return outputs;
}
