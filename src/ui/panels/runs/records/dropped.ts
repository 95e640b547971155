import type { Panels } from '../../../shell/panels/panels.svelte.ts';
import type { PathFile } from '../../../components/droppedFiles.ts';
import type { Texts } from '../../text/texts.svelte.ts';
import type { Runs } from '../runs.svelte.ts';

interface Takers {
  readonly texts: Texts;
  readonly runs: Runs;
  readonly panels: Panels;
}

/** Takes files dropped anywhere on the page: .json and .safetensors are runs, everything else is text to be read. */
export async function takeDropped(files: readonly PathFile[], { texts, runs, panels }: Takers): Promise<void> {
  const isRun = ({ path }: PathFile): boolean => /\.(json|safetensors)$/.test(path);
  const kept = files.filter(isRun);
  if (kept.length > 0) {
    panels.show('runs');
    await runs.importFiles(kept.map(({ blob }) => blob));
  }
  const others = files.filter((file) => !isRun(file));
  if (others.length > 0) await texts.take(others);
}
