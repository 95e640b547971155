import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { main as cli } from '../../src/cli/main.ts';
import { readRunFile } from '../../src/cli/support/save.ts';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';
import { HANDED_BACK, STEPS } from './handedBack.ts';

/**
 * Makes what round_trip.py runs on, in an empty folder: a tiny checkpoint, a run of ten steps on it, that run as a job, and the next ten
 * steps as they are made here. `node scripts/run.mjs tests/run/makeJob.ts FOLDER`
 */
export async function main([folder]: readonly string[], signal: AbortSignal): Promise<number> {
  if (folder === undefined) throw new Error('Name a folder to write to.');
  const at = (...names: string[]): string => join(folder, ...names);
  await mkdir(at('checkpoint'), { recursive: true });
  const texts = (await loadProse(HANDED_BACK.source)).flatMap(({ paragraphs }) => paragraphs);
  for (const [name, bytes] of Object.entries(await tinyCheckpoint(texts)))
    await writeFile(at('checkpoint', name), bytes);
  const settings = Object.entries(HANDED_BACK).map(([key, value]) => `--${key}=${String(value)}`);
  const run = async (...args: string[]): Promise<void> => {
    const code = await cli([...args, '--model', at('checkpoint'), '--force'], signal);
    if (code !== 0) throw new Error(`The command ${args[0] ?? ''} ended with code ${code}.`);
  };
  const first = at('first.safetensors');
  await run('train', ...settings, '--steps', String(STEPS.first), '--checkpoint', first);
  await run('handover', first, '--steps', String(STEPS.more), '--out', at('job'));
  const all = STEPS.first + STEPS.more;
  const page = at('page.safetensors');
  await run('train', '--resume', first, '--steps', String(all), '--checkpoint', page);
  const { record } = await readRunFile(page);
  await writeFile(at('steps.json'), JSON.stringify({ ...STEPS, page: record?.metrics }));
  return 0;
}
