import type { RunRecord } from '../../../../run/record.ts';
import { MAXIMUM_FILE_BYTES, RunFileError } from './problems.ts';

/**
 * Reads a run from a file that anybody may have written.
 * @throws RunFileError when it holds no run, or cannot be read at all.
 */
export async function readRunFile(file: File): Promise<RunRecord> {
  if (file.size > MAXIMUM_FILE_BYTES) {
    throw new RunFileError(file.name, `it is larger than ${MAXIMUM_FILE_BYTES / 1024 / 1024} MB.`);
  }
  try {
    const { readRun } = await import('./runFile.ts');
    return readRun(await file.text(), file.name);
  } catch (error) {
    if (error instanceof RunFileError) throw error;
    throw new RunFileError(file.name, 'the browser could not read it. Choose it again.');
  }
}
