import type { Panels } from '../../../shell/panels/panels.svelte.ts';
import type { PathFile } from '../../../components/droppedFiles.ts';
import { isLogFile } from './logFile.ts';
import type { Texts } from '../../text/texts.svelte.ts';
import type { Runs } from '../runs.svelte.ts';

interface Takers {
  readonly texts: Texts;
  readonly runs: Runs;
  readonly panels: Panels;
}

/**
 * Takes files dropped anywhere on the page: .json and .safetensors are runs, and so is the log of a run that was handed over; everything
 * else is text to be read.
 */
export async function takeDropped(files: readonly PathFile[], { texts, runs, panels }: Takers): Promise<void> {
  const isRun = async ({ path, blob }: PathFile): Promise<boolean> =>
    /\.(json|safetensors)$/.test(path) || (path.endsWith('.jsonl') && (await isLogFile(blob)));
  const found = await Promise.all(files.map(async (file) => ({ file, isRun: await isRun(file) })));
  const kept = found.flatMap((one) => (one.isRun ? [one.file] : []));
  if (kept.length > 0) {
    panels.show('runs');
    await runs.importFiles(kept.map(({ blob }) => blob));
  }
  const others = found.flatMap((one) => (one.isRun ? [] : [one.file]));
  if (others.length > 0) await texts.take(others);
}
