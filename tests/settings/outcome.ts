import { createHash } from 'node:crypto';
import type { GivenText } from '../../src/corpus/given.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import { openBoth, type Pretrained } from '../../src/run/pretrained.ts';
import { Evaluator } from '../../src/run/evaluator.ts';
import { stepRecord } from '../../src/run/records.ts';
import type { Embedder } from '../../src/retrieval/embedder.ts';
import type { Configuration } from '../../src/settings/configuration.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { saveTraining } from '../../src/training/state.ts';

/** A text of a few short documents, each of which makes several chunks. */
export const TEXT = Array.from(
  { length: 12 },
  (_, i) =>
    `Essay ${i}\n\nThe number ${i} is a curious one. People have counted to ${i} for ages. It comes after ${i - 1} and before ${i + 1}, as everybody knows who can count. Some find it lucky, others do not care.`,
).join('\n\n---\n\n');

/** The same with some rows beside it: too short for two chunks of full length, and with two columns that could be read. */
const ROWS = Array.from(
  { length: 8 },
  (_, i) => `What comes after ${i} when people count?,People count ${i + 1} right after ${i}`,
);
const GIVEN: GivenText = {
  files: [
    { name: 'essays.txt', text: TEXT },
    { name: 'rows.csv', text: ['question,answer', ...ROWS].join('\n') },
  ],
};

/** An encoder that looks at lengths and first letters only. */
const LENGTHS: Embedder = {
  dimensions: 2,
  embed: (_, texts) =>
    Promise.resolve(
      Float32Array.from(
        texts.flatMap((text) => {
          const angle = text.length + text.charCodeAt(0);
          return [Math.cos(angle), Math.sin(angle)];
        }),
      ),
    ),
};

/**
 * Everything that a short run comes to: its corpus, the scores before and after, two steps with losses, matrices and norms,
 * and the weights at its end; times and memory aside. Configurations that the engine takes alike come to the same text.
 */
export async function outcome(
  runtime: Runtime,
  configuration: Configuration,
  open: (name: string) => Promise<Pretrained>,
): Promise<string> {
  const bases = configuration.base === 'checkpoint' ? await openBoth(configuration, open) : undefined;
  const corpus = await setUpCorpus(configuration, { bases, text: GIVEN });
  const experiment = await openExperiment(runtime, configuration, corpus, bases, { teacher: LENGTHS });
  try {
    const { trainer, optimiser } = experiment;
    const prepared = { recipe: { configuration, text: GIVEN, title: undefined }, corpus, bases };
    const evaluator = new Evaluator({ runtime, prepared, experiment }, undefined);
    const parts: unknown[] = [corpus.summary, await evaluator.evaluate()];
    for (let step = 0; step < 2; step++) {
      const { metrics, ...pictures } = stepRecord(await trainer.step(), corpus, configuration);
      parts.push(pictures, { ...metrics, stepMs: undefined, tokensPerSecond: undefined, memory: undefined });
    }
    parts.push(await evaluator.evaluate());
    const { tensors } = await saveTraining(runtime, optimiser);
    for (const [name, data] of tensors) parts.push(name, createHash('sha256').update(data).digest('hex'));
    return JSON.stringify(parts);
  } finally {
    experiment.destroy();
  }
}
