import { Random } from '../corpus/random.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { StepDropout } from '../training/trainer.ts';

/** Dropout of a run's adapters as its settings have it; undefined where nothing is dropped. A batch's key is drawn from the run's seed. */
export function dropoutOf({ trained, loraDropout: rate, seed }: Configuration): StepDropout | undefined {
  if (trained !== 'lora' || rate === 0) return undefined;
  const { state } = Random.fromSeed(seed).fork('dropout');
  return {
    rate,
    keyAt(position) {
      // Outputs of a bijection: no two batches of a run have a word in common, up to 2³¹ of them.
      const own = Random.fromState({ ...state, counter: 2 * position });
      return Uint32Array.of(own.bits(), own.bits());
    },
  };
}
