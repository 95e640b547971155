import type { GivenText } from '../../corpus/given.ts';
import { openRun as openPrepared, prepareRun, type OpenRun } from '../../run/openRun.ts';
import type { LoadingOptions } from '../../run/pretrainedModels.ts';
import { withFullRows } from '../../run/fullRows.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { readGivenFiles } from './givenFiles.ts';
import { loadProgress, openBases, requireModel } from './modelFolder.ts';
import { openNodeRuntime } from './nodeGpu.ts';
import { centringProgress, reportCompiling } from './reports.ts';

/** Where a run's text and checkpoints come from. */
export interface RunSources {
  /** Files and folders. */
  readonly file?: readonly string[] | undefined;
  /** A text that is at hand, in place of files. */
  readonly text?: GivenText | undefined;
  readonly title?: string | undefined;
  readonly model?: string | undefined;
  readonly 'retriever-model'?: string | undefined;
}

/** A run that can be trained, and given back. */
export interface CommandRun extends OpenRun {
  destroy(): void;
}

export interface OpenRunOptions {
  readonly signal: AbortSignal;
  /** The retriever's, where a run goes on that has measured it. */
  readonly centre?: LoadingOptions['centre'];
  /** Of a run that an encoder teaches: the encoder, or what it made when the run began. */
  readonly teacher?: LoadingOptions['teacher'];
  readonly teacherVectors?: LoadingOptions['teacherVectors'];
  /** Makes every row as long as it may be (each chunk's text runs on into itself): for measuring. */
  readonly fullRows?: boolean;
  /** It began before. */
  readonly goesOn?: boolean;
}

/**
 * Everything of a run, ready for its first step: text, checkpoints, models. Says on standard error what takes time.
 */
export async function openRun(
  configuration: Configuration,
  sources: RunSources,
  { signal, centre, teacher, teacherVectors, fullRows = false, goesOn = false }: OpenRunOptions,
): Promise<CommandRun> {
  const { text, title } = sources.file === undefined ? sources : await readGivenFiles(sources.file, signal);
  const found = await prepareRun(
    { configuration, text, title },
    { openBases: () => openBases(requireModel(sources.model), sources['retriever-model']), signal },
  );
  const prepared = fullRows ? withFullRows(found) : found;
  const runtime = await openNodeRuntime();
  try {
    reportCompiling(runtime);
    const run = await openPrepared(runtime, prepared, {
      signal,
      centre,
      teacher,
      teacherVectors,
      goesOn,
      onWithout: (why) => process.stderr.write(`${why}\n`),
      onProgress: loadProgress(),
      onCentring: centringProgress(),
      onQuantised: ({ worst, overall }) =>
        process.stderr.write(
          `int8 weights: ${percent(overall)} off the stored ones, at most ${percent(worst.relativeRms)} (${worst.name})\n`,
        ),
    });
    return {
      ...run,
      destroy() {
        run.experiment.destroy();
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
