import type { NamedFile } from '../../files/formats/zipWriter.ts';
import type { OpenRun } from '../../run/openRun.ts';
import { restoreRun } from '../../run/saving.ts';
import { openRun } from './openRun.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from './outputs.ts';
import { readRunFile } from './save.ts';
import { readConfiguration, required, UsageError } from './usage.ts';

export const TAKE_OUT_USAGE = 'RUN --model PATH --out PATH';
export const takeOutHelp = (
  more = '',
): string => `  RUN                      a saved run: of train --checkpoint, or downloaded from the page
  --model PATH             the checkpoint it stands on, where it stands on one
  --retriever-model PATH   the retriever's, where that is another one
${more}  --out PATH               a folder, or a zip file where PATH ends in .zip
${FORCE_HELP}`;

export const TAKE_OUT_OPTIONS = {
  model: { type: 'string' },
  'retriever-model': { type: 'string' },
  out: { type: 'string' },
  ...FORCE_OPTION,
} as const;

/** What was said on the command line, by TAKE_OUT_OPTIONS and what stands between them. */
interface Said {
  readonly values: {
    readonly model?: string;
    readonly 'retriever-model'?: string;
    readonly out?: string;
    readonly force?: boolean;
  };
  readonly positionals: readonly string[];
}

/**
 * Opens a saved run and writes what `take` makes of it into the folder or zip file of --out.
 * @returns where it was written, and the run's step. @throws UsageError, ModelFileError, what opening and `take` throw
 */
export async function takeOut(
  command: string,
  { values, positionals }: Said,
  signal: AbortSignal,
  take: (run: OpenRun) => Promise<NamedFile[]>,
): Promise<{ readonly out: string; readonly step: number }> {
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError(`Usage: npm run cli -- ${command} ${TAKE_OUT_USAGE}`);
  const out = required('out', values.out, 'a folder, or a zip file');
  const outputs = await Outputs.prepare(
    [{ option: '--out', path: out, kind: out.endsWith('.zip') ? 'file' : 'folder' }],
    {
      force: values.force,
      inputs: { RUN: file, '--model': values.model, '--retriever-model': values['retriever-model'] },
    },
  );
  const saved = await readRunFile(file);
  const { centre, teacherVectors, text, title, state } = saved;
  const { configuration } = readConfiguration(values, saved.settings);
  const run = await openRun(
    configuration,
    { ...values, text, title },
    { signal, centre, teacherVectors, goesOn: true },
  );
  try {
    await restoreRun(saved, run);
    await outputs.writeFiles('--out', () => take(run));
    outputs.finish();
  } finally {
    run.destroy();
  }
  return { out, step: state.step };
}
