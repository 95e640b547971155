import { loadDecoder, type LoadOptions } from '../files/models/decoderFiles.ts';
import type { DecoderConfig } from '../models/config.ts';
import type { DecoderWeights } from '../models/weights.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Pretrained } from './pretrained.ts';

interface Held {
  readonly base: Pretrained;
  readonly layers: number;
  readonly head: boolean;
  readonly precision: LoadOptions['precision'];
  readonly weights: DecoderWeights;
}

/**
 * Frozen weights of checkpoints on the GPU. A run that is reset, or whose settings change, stands on the same base again, and
 * that need not be loaded anew: bases stay until runs no longer use them.
 */
export class FrozenBases {
  #held: Held[] = [];

  /**
   * The weights of a base, or of its first layers (`config`), loaded unless they are there: those with an output head serve a
   * retriever too, and those of all layers one that is cut short. They belong to this object, not to the caller.
   */
  async load(
    runtime: Runtime,
    base: Pretrained,
    config: DecoderConfig,
    options: LoadOptions,
    onProgress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<DecoderWeights> {
    const { head, precision } = options;
    const { layers } = config;
    const found = this.#held.find(
      (held) =>
        held.base === base &&
        held.precision === precision &&
        (held.head || !head) &&
        (held.layers === layers || held.layers === base.config.layers),
    );
    if (found) return found.weights;
    const weights = await loadDecoder(runtime, base.files, config, options, onProgress);
    this.#held.push({ base, layers, head, precision, weights });
    return weights;
  }

  /** Gives back every base but those that a run uses. */
  keep(used: ReadonlySet<DecoderWeights>): void {
    this.#held = this.#held.filter(({ weights }) => {
      if (!used.has(weights)) weights.destroy();
      return used.has(weights);
    });
  }

  /** Forgets all without touching the GPU: its context is gone. */
  forget(): void {
    this.#held = [];
  }
}
