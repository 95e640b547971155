import type { Runtime } from '../src/ops/core/runtime.ts';
import { Tape } from '../src/ops/core/tape.ts';
import type { Tensor } from '../src/ops/core/tensor.ts';
import type { Variant } from './compare.ts';

/**
 * An op as a variant with the phases 'forward' and 'backward'. `inputs` live as long as the variant; the gradient that
 * arrives at the result is the result itself, since the time of a kernel does not depend on ordinary numbers.
 */
export function opVariant(runtime: Runtime, name: string, run: () => Tensor): Variant {
  return {
    name,
    *phases(times) {
      runtime.beginScope();
      const runs = Array.from({ length: times }, () => {
        const tape = new Tape(runtime);
        runtime.tape = tape;
        const out = runtime.scope(run);
        runtime.tape = undefined;
        return { tape, out };
      });
      yield 'forward';
      for (const { tape, out } of runs) {
        tape.backward([{ tensor: out, gradient: out }]);
        // At once, so that the next repetition finds these buffers again.
        tape.dispose();
      }
      yield 'backward';
      runtime.endScope();
    },
  };
}

/** An f32 input of an op, with smooth numbers in [−1, 1] and a gradient wanted. */
export function input(runtime: Runtime, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const tensor = runtime.fromArray(
    Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i)),
    shape,
  );
  tensor.requiresGrad = true;
  return tensor;
}
