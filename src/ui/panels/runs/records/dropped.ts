import type { DrawerState } from '../../../shell/drawer/drawer.svelte.ts';
import type { Session } from '../../../state/session.svelte.ts';
import { readFiles } from '../../text/readFiles.ts';
import type { Runs } from '../runs.svelte.ts';

interface Takers {
  readonly session: Session;
  readonly runs: Runs;
  readonly drawer: DrawerState;
}

/** Takes files dropped anywhere on the page: .json and .safetensors are runs, everything else is text to be read. */
export async function takeDropped(files: readonly File[], { session, runs, drawer }: Takers): Promise<void> {
  const isRun = ({ name }: File): boolean => /\.(json|safetensors)$/.test(name);
  const texts = files.filter((file) => !isRun(file));
  const kept = files.filter(isRun);
  if (kept.length > 0) {
    drawer.show('runs');
    await runs.importFiles(kept);
  }
  if (texts.length === 0) return;
  try {
    session.takeText(await readFiles(texts), 'file');
  } catch (error) {
    session.fileProblem = error instanceof Error ? error.message : String(error);
  }
}
