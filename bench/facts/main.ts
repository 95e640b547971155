import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../../src/run/record.ts';
import { measuredOf, toldOf } from './measured.ts';

const RECORDED = 'public/recorded/facts.json';
const MEASURED = 'bench/facts/measured.json';

/** Writes what runs on facts go through: the recorded one, and others by what `train --json --probe` printed of them. */
export async function main([logs]: readonly string[]): Promise<number> {
  if (logs === undefined) {
    process.stderr.write(
      'usage: npm run bench:facts -- FOLDER, with files *.jsonl of what `train --json --probe` printed\n',
    );
    return 2;
  }
  const names = (await readdir(logs)).filter((name) => name.endsWith('.jsonl')).sort();
  const others = await Promise.all(
    names.map(async (name) => [name.replace('.jsonl', ''), toldOf(await readFile(join(logs, name), 'utf8'))] as const),
  );
  const measured = measuredOf(JSON.parse(await readFile(RECORDED, 'utf8')) as RunRecord, Object.fromEntries(others));
  await writeFile(MEASURED, `${JSON.stringify(measured, undefined, 2)}\n`);
  return 0;
}
