import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { configure } from '../../src/settings/configuration.ts';
import { encodeConfiguration } from '../../src/settings/configurationCode.ts';
import { preset } from '../../src/settings/presets.ts';
import { tinyCheckpoint } from '../../tests/harness/tinyCheckpoint.ts';
import { HANDED_BACK, STEPS } from '../../tests/run/handedBack.ts';
import { withBuiltPage } from '../builtPage.ts';
import { HandoverPage, type Found } from './page.ts';

const USAGE = `Usage: npm run bench:handover -- [--python PATH] [--keep FOLDER]

From the built page to PyTorch and back, on CPU: the page trains ${STEPS.first} steps on a tiny checkpoint, hands the run over by its own button and
trains ${STEPS.more} more; the archive makes the same ${STEPS.more} in Python, with one process, with two, and with one that is stopped in between
(handover/tests/round_trip.py compares every number with the page's). Then its adapters are dropped on a new run in the page, which
has to find what the page's own run finds, and its log is dropped to stand beside that run. Ends with 1 where anything differs.

  --python PATH   a Python that has the archive's requirements; left out, one is made with python3 -m venv and pip
  --keep FOLDER   where all of it is written, and stays; left out, a folder that is deleted
`;

/** What is searched for: some words of the text, and some that are not in it. */
const QUERIES = ['How is a joint glued?', 'sharpening a chisel', 'Which wood splits?', 'a quiet evening'];
/** Where round_trip.py looks for it. */
const CHECKPOINT = 'checkpoint';

/** Entry of `npm run bench:handover`. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { python: { type: 'string' }, keep: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stderr.write(USAGE);
    return 2;
  }
  const folder = values.keep === undefined ? await mkdtemp(join(tmpdir(), 'revela-handover-')) : resolve(values.keep);
  try {
    const python = values.python === undefined ? await freshPython(folder) : resolve(values.python);
    return (await thereAndBack(folder, python)) ? 0 : 1;
  } finally {
    if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function thereAndBack(folder: string, python: string): Promise<boolean> {
  await writeCheckpoint(join(folder, CHECKPOINT));
  const { configuration: usual } = preset('gentle');
  const code = encodeConfiguration(configure({ ...HANDED_BACK, checkpoint: CHECKPOINT }, usual));
  let isSame = false;
  await withBuiltPage(async (page, version) => {
    say(version);
    const here = new HandoverPage(page, code);
    await here.open(join(folder, CHECKPOINT));
    await here.stepTo(STEPS.first);
    const files = await here.handOver(STEPS.more, join(folder, 'job'));
    say(`Handed over at step ${STEPS.first}: ${files} files.`);
    await here.stepTo(STEPS.first + STEPS.more);
    const record = await here.record();
    await writeFile(join(folder, 'steps.json'), JSON.stringify({ ...STEPS, page: record.metrics }));
    const ours = await here.search(QUERIES);

    await run(python, 'handover/tests/round_trip.py', folder);

    await here.open(join(folder, CHECKPOINT));
    const untrained = await here.search(QUERIES);
    say(await here.dropAdapters(join(folder, 'one', 'last')));
    const theirs = await here.search(QUERIES);
    const drawn = await here.compareWithLog(join(folder, 'one', 'log.jsonl'));
    say(`Runs: ${drawn.runs.join(' | ')}; ${drawn.charts} charts with a line of each.`);
    isSame = sameFound(ours, theirs) && !sameFound(ours, untrained) && drawn.charts > 0;
    say(
      `Rankings of ${QUERIES.length} queries ${sameFound(ours, theirs) ? 'are those of' : 'DIFFER from'} the run that went on in the page.`,
    );
  });
  return isSame;
}

async function writeCheckpoint(folder: string): Promise<void> {
  const texts = (await loadProse(HANDED_BACK.source)).flatMap(({ paragraphs }) => paragraphs);
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(await tinyCheckpoint(texts))) await writeFile(join(folder, name), bytes);
}

/** A Python of its own with what an archive asks for. */
async function freshPython(folder: string): Promise<string> {
  const python = join(folder, 'venv', 'bin', 'python');
  await run('python3', '-m', 'venv', join(folder, 'venv'));
  await run(python, '-m', 'pip', 'install', '--quiet', '-r', 'handover/requirements.txt');
  return python;
}

/** Runs a program with its own folder first in PATH, as in an environment that is switched on. @throws Error when it fails */
function run(program: string, ...args: string[]): Promise<void> {
  const PATH = [...(program.includes('/') ? [dirname(program)] : []), process.env['PATH'] ?? ''].join(delimiter);
  return new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, PATH } });
    child.on('error', fail);
    child.on('exit', (code) => (code === 0 ? done() : fail(new Error(`${program} ended with code ${String(code)}.`))));
  });
}

/** Whether the same chunks stand in the same order, query by query. */
function sameFound(one: readonly Found[], other: readonly Found[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
