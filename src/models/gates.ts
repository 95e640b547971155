import type { Runtime } from '../ops/core/runtime.ts';
import type { LearntGate } from '../ops/gate.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import { ParameterSet } from './parameters.ts';

const KEY = 'contextGates';

/**
 * The factors γ_l of the in-batch attention as parameters, one scalar per layer. Those of layers that read no neighbours
 * are 0, get no gradient and stay 0.
 */
export class LayerGates {
  readonly parameters: ParameterSet;

  /** `initial`: γ_l of each layer at the start. */
  constructor(
    runtime: Runtime,
    readonly initial: readonly number[],
  ) {
    this.parameters = new ParameterSet(runtime, [{ key: KEY, shape: [initial.length] }]);
    runtime.recorder.upload(this.tensor.slice, Float32Array.from(initial));
  }

  /** γ: [layers]. */
  get tensor(): Tensor {
    return this.parameters.tensor(KEY);
  }

  /** The factor of one layer, for its in-batch attention. */
  gate(layer: number): LearntGate {
    return { factors: this.tensor, index: layer };
  }

  destroy(): void {
    this.parameters.destroy();
  }
}
