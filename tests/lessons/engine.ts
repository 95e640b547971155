import { runTrial } from '../../bench/lessons/trial.ts';
import { isRevelaBatch, withLanguageModel } from '../../src/objectives/revela/objective.ts';
import { revelaOptions } from '../../src/objectives/revela/options.ts';
import { revela } from '../../src/objectives/revela/revela.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { CorpusFeed } from '../../src/run/feed.ts';
import type { Configuration } from '../../src/settings/configuration.ts';
import type { EngineQuantity } from '../../src/ui/panels/lessons/numbers/conditions.ts';
import type { Observed } from '../../src/ui/panels/lessons/numbers/observed.ts';

/** Runs lessons' configurations on the real engine, each once. */
export class Engine {
  #done = new Map<string, Promise<unknown>>();

  constructor(private readonly runtime: Runtime) {}

  train(configuration: Configuration, steps: number): Promise<Observed> {
    return this.#once(['train', configuration, steps], () =>
      runTrial(this.runtime, configuration, steps, new AbortController().signal),
    );
  }

  /** What no record has: largest lengths of what the untrained language model reads from its neighbours. */
  async readings(configuration: Configuration): Promise<Record<EngineQuantity, number>> {
    const lengths = await this.#once(['reading', configuration], () => this.#largestReadings(configuration));
    return { largestReading: Math.max(...lengths), firstLayerReading: lengths[0] ?? NaN };
  }

  /** Per layer, over tokens and heads. */
  async #largestReadings(configuration: Configuration): Promise<number[]> {
    const { runtime } = this;
    const corpus = await setUpCorpus(configuration);
    const experiment = await openExperiment(runtime, configuration, corpus);
    try {
      const models = withLanguageModel(experiment.models);
      const batch = new CorpusFeed(corpus, configuration).batchAt(0);
      if (!isRevelaBatch(batch)) throw new Error('The lesson does not train for Revela.');
      const { layers, headDim } = models.languageModel.config;
      const own: Promise<Float32Array>[] = [];
      const whole: Promise<Float32Array>[] = [];
      runtime.beginScope();
      try {
        await revela(runtime, undefined, models, batch.tokens, revelaOptions(configuration, layers), {
          fixedAttention: batch.fixedAttention,
          observeInBatch: (name, tensor) => {
            if (name.startsWith('selfAttention.')) own.push(runtime.read(tensor));
            if (name.startsWith('attentionOutput.')) whole.push(runtime.read(tensor));
          },
        });
        await runtime.recorder.flush();
      } finally {
        runtime.endScope();
      }
      if (own.length !== layers || whole.length !== layers)
        throw new Error('The language model does not show what it reads.');
      const before = await Promise.all(own);
      const after = await Promise.all(whole);
      return after.map((values, layer) => longest(values, before[layer] ?? values, headDim));
    } finally {
      experiment.destroy();
    }
  }

  #once<T>(what: readonly unknown[], work: () => Promise<T>): Promise<T> {
    const key = JSON.stringify(what);
    const found = (this.#done.get(key) as Promise<T> | undefined) ?? work();
    this.#done.set(key, found);
    return found;
  }
}

/** Largest length of after − before over stretches of `size`. */
function longest(after: Float32Array, before: Float32Array, size: number): number {
  let largest = 0;
  for (let start = 0; start < after.length; start += size) {
    let square = 0;
    for (let d = start; d < start + size; d++) square += ((after[d] ?? NaN) - (before[d] ?? NaN)) ** 2;
    largest = Math.max(largest, Math.sqrt(square));
  }
  return largest;
}
