import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_FILE } from '../../run/comparison/runComparison.ts';
import { memoryComparisonStore, type ComparisonStore } from '../../run/comparison/state.ts';
import { codeOf } from './fileProblems.ts';
import { UsageError } from './usage.ts';
import { writeWholeFile } from './wholeFiles.ts';

/**
 * The folder in which a comparison keeps itself; without one it is gone with the program.
 * @throws UsageError where the folder holds one already and is not to go on, or holds none and is to
 */
export async function comparisonStore(folder: string | undefined, goesOn: boolean): Promise<ComparisonStore> {
  if (folder === undefined) {
    if (goesOn) throw new UsageError('--resume needs --out DIR: the folder that holds the comparison so far.');
    return memoryComparisonStore();
  }
  const names: string[] = await readdir(folder).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return [];
    throw cause;
  });
  const isBegun = names.includes(STATE_FILE);
  if (isBegun && !goesOn)
    throw new UsageError(`${folder} holds a comparison already: go on with it by --resume, or choose another folder.`);
  if (!isBegun && goesOn)
    throw new UsageError(`${folder} holds no comparison to go on with. Leave out --resume to begin one.`);
  if (!isBegun && names.length > 0)
    throw new UsageError(`${folder} holds other files: choose a folder that is empty, or not there yet.`);
  await mkdir(folder, { recursive: true });
  return {
    read: (name) =>
      readFile(join(folder, name)).catch((cause: unknown) => {
        if (codeOf(cause) === 'ENOENT') return undefined;
        throw cause;
      }),
    write: (name, pieces) => writeWholeFile(join(folder, name), pieces, true),
    remove: (name) => rm(join(folder, name), { force: true }),
  };
}
