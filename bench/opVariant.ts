import type { Context } from '../src/ops/context.ts';
import { Tape } from '../src/ops/tape.ts';
import type { Tensor } from '../src/ops/tensor.ts';
import type { Variant } from './compare.ts';

/**
 * An op as a variant with the phases 'forward' and 'backward'. `inputs` live as long as the variant; the gradient that
 * arrives at the result is the result itself, since the time of a kernel does not depend on ordinary numbers.
 */
export function opVariant(context: Context, name: string, run: () => Tensor): Variant {
  return {
    name,
    *phases(times) {
      context.beginScope();
      const runs = Array.from({ length: times }, () => {
        const tape = new Tape(context);
        context.tape = tape;
        const out = context.scope(run);
        context.tape = undefined;
        return { tape, out };
      });
      yield 'forward';
      for (const { tape, out } of runs) {
        tape.backward([{ tensor: out, gradient: out }]);
        // At once, so that the next repetition finds these buffers again.
        tape.dispose();
      }
      yield 'backward';
      context.endScope();
    },
  };
}

/** An f32 input of an op, with smooth numbers in [−1, 1] and a gradient wanted. */
export function input(context: Context, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const tensor = context.fromArray(
    Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i)),
    shape,
  );
  tensor.requiresGrad = true;
  return tensor;
}
