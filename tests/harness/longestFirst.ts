import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A run of hundreds of training steps, in one process: begun last it would leave the other core with nothing to do. */
const LONGEST = /\/tests\/lessons\/claims\.test\.ts$/;

/** The usual order, by what files took the last time or else by their size, after the file that takes longest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    return [...usual.filter(isLongest), ...usual.filter((file) => !isLongest(file))];
  }
}

function isLongest({ moduleId }: TestSpecification): boolean {
  return LONGEST.test(moduleId);
}
