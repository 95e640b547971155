import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Configuration } from '../../settings/configuration.ts';
import { setUpCorpus } from '../../run/corpusSetup.ts';
import { openExperiment } from '../../run/experiment.ts';
import { refuseUnlessItFits } from '../../run/memory.ts';
import type { OpenRun } from '../../run/openRun.ts';
import { smallBases } from '../../lab/workbench.ts';
import { reading } from './fileProblems.ts';
import { loadProgress, openBases } from './modelFolder.ts';
import { openNodeRuntime } from './nodeGpu.ts';
import { reportCompiling } from './reports.ts';

/** Where a run's text and checkpoints come from. */
export interface RunSources {
  readonly file?: string | undefined;
  /** A text that is at hand, in place of a file. */
  readonly text?: string | undefined;
  readonly title?: string | undefined;
  readonly model?: string | undefined;
  readonly 'retriever-model'?: string | undefined;
}

/** A run that can be trained, and given back. */
export interface CommandRun extends OpenRun {
  destroy(): void;
}

/**
 * Everything of a run, ready for its first step: text, checkpoints, models. Says on standard error what takes time.
 * @param fullRows makes every row as long as it may be (each chunk's text runs on into itself): for measuring.
 */
export async function openRun(
  configuration: Configuration,
  sources: RunSources,
  { signal, fullRows = false }: { signal: AbortSignal; fullRows?: boolean },
): Promise<CommandRun> {
  const bases = sources.model === undefined ? undefined : await openBases(sources.model, sources['retriever-model']);
  const text =
    sources.file === undefined ? sources.text : new Uint8Array(await reading(sources.file, readFile(sources.file)));
  const title = sources.file === undefined ? sources.title : basename(sources.file);
  const found = await setUpCorpus(configuration, { text, title, bases, signal });
  const corpus = fullRows ? { ...found, batches: withFullRows(found, configuration), longestRow: undefined } : found;
  const plain = typeof text === 'string' ? text : text && new TextDecoder().decode(text);
  const runtime = await openNodeRuntime();
  try {
    reportCompiling(runtime);
    const planned = bases ?? smallBases(configuration, corpus.tokenizer.vocabularySize);
    await refuseUnlessItFits(configuration, planned, runtime.gpu, corpus.longestRow);
    const experiment = await openExperiment(runtime, configuration, corpus, bases, {
      signal,
      onProgress: loadProgress(),
      onQuantised: ({ worst, overall }) =>
        process.stderr.write(
          `int8 weights: ${percent(overall)} off the stored ones, at most ${percent(worst.relativeRms)} (${worst.name})\n`,
        ),
    });
    return {
      runtime,
      prepared: { recipe: { configuration, text: plain, title }, corpus, bases },
      experiment,
      destroy() {
        experiment.destroy();
        runtime.destroy();
      },
    };
  } catch (cause) {
    runtime.destroy();
    throw cause;
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

type Corpus = Awaited<ReturnType<typeof setUpCorpus>>;

/** The same batches, each chunk told again and again until both models' rows are full. */
function withFullRows(
  { batches, tokenizer, retrieverTokenizer }: Corpus,
  { chunkTokens }: Configuration,
): Corpus['batches'] {
  const filled = (text: string): string => {
    const tokens = Math.min(tokenizer.countTokens(text), retrieverTokenizer.countTokens(text));
    return Array.from({ length: Math.ceil((2 * chunkTokens) / Math.max(1, tokens)) }, () => text).join(' ');
  };
  const fill = (batch: ReturnType<typeof batches.batchAt>) => ({
    ...batch,
    chunks: batch.chunks.map((chunk) => ({ ...chunk, text: filled(chunk.text) })),
  });
  return {
    batchSize: batches.batchSize,
    notices: batches.notices,
    batchAt: (step) => fill(batches.batchAt(step)),
    heldOutBatches: (count) => batches.heldOutBatches(count).map(fill),
  };
}
