import { readFileSync } from 'node:fs';
import type { RunRecord } from '../../../src/run/record.ts';

/** The run that the page tells the story of. */
export function recordedRun(): RunRecord {
  const path = new URL('../../../public/recorded/facts.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as RunRecord;
}
