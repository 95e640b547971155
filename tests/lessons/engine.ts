import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { setUpCorpus, type CorpusSetup } from '../../src/run/corpusSetup.ts';
import { openExperiment, type Experiment } from '../../src/run/assemble.ts';
import { CorpusFeed } from '../../src/run/feed.ts';
import { stepRecord } from '../../src/run/records.ts';
import type { StepRecord } from '../../src/run/record.ts';
import { isRevelaBatch, withLanguageModel } from '../../src/objectives/revela/objective.ts';
import { revelaOptions } from '../../src/objectives/revela/options.ts';
import { revela } from '../../src/objectives/revela/revela.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';

/** A short run of a lesson's configuration. */
export interface Observed {
  /** The last step. */
  readonly record: StepRecord;
}

/** Runs lessons' configurations on the real engine, each once. */
export class Engine {
  #done = new Map<string, Promise<unknown>>();

  constructor(private readonly runtime: Runtime) {}

  train(configuration: Configuration, steps: number): Promise<Observed> {
    return this.#once('train', configuration, steps, async (experiment, corpus) => ({
      record: await train(experiment, corpus, configuration, steps),
    }));
  }

  /** Largest change of any S of held-out text by `steps` steps. */
  heldOutShift(configuration: Configuration, steps: number): Promise<number> {
    const one = configure({ heldOutBatches: 1 }, configuration);
    return this.#once('shift', one, steps, async (experiment, corpus) => {
      const similarities = async () =>
        (await experiment.trainer.evaluate()).batches.map(
          ({ matrices }) => matrices['similarity'] ?? new Float32Array(),
        );
      const before = await similarities();
      await train(experiment, corpus, one, steps);
      const after = await similarities();
      return Math.max(...after.flatMap((S, b) => Array.from(S, (s, at) => Math.abs(s - (before[b]?.[at] ?? NaN)))));
    });
  }

  /** Largest length (per token and head) of what the untrained language model reads from its neighbours, per layer. */
  largestReadings(configuration: Configuration): Promise<number[]> {
    return this.#once('reading', configuration, 0, async (experiment, corpus) => {
      const { runtime } = this;
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
    });
  }

  #once<T>(
    what: string,
    configuration: Configuration,
    steps: number,
    work: (experiment: Experiment, corpus: CorpusSetup) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify([what, configuration, steps]);
    const found = this.#done.get(key) as Promise<T> | undefined;
    if (found) return found;
    const run = (async () => {
      const corpus = await setUpCorpus(configuration);
      const experiment = await openExperiment(this.runtime, configuration, corpus);
      try {
        return await work(experiment, corpus);
      } finally {
        experiment.destroy();
      }
    })();
    this.#done.set(key, run);
    return run;
  }
}

async function train(
  { trainer }: Experiment,
  corpus: CorpusSetup,
  configuration: Configuration,
  steps: number,
): Promise<StepRecord> {
  let record: StepRecord | undefined;
  for (let step = 0; step < steps; step++) record = stepRecord(await trainer.step(), corpus, configuration);
  if (!record) throw new Error('A claim needs at least one step.');
  return record;
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
