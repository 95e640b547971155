import { Random } from '../../src/corpus/random.ts';
import type { SavedRunFile } from '../../src/files/formats/savedRun.ts';
import { parseArgs } from 'node:util';
import { withBuiltPage } from '../builtPage.ts';
import { Driver, prepare } from './driver.ts';
import { FAULTS, type Fault } from './faults.ts';

const USAGE = `Usage: npm run bench:endurance -- [--minutes N] [--only WORDS] [--seed S]

Trains a small run in the built page for N minutes (default 5) while things go wrong at random: the GPU process and the worker are
killed, the worker hangs, the tab is frozen, the page reloaded, the network cut, the storage full, the clock turned back. Then it trains
the same run undisturbed to the same step, and compares the two to the bit. Ends with 1 where they differ. --only: faults whose names
hold these words.
`;

/** Between two faults, in ms, at least and at most. */
const CALM_MS = { least: 5000, most: 20_000 };
/** What has happened shows by then. */
const SHOWS_MS = 6000;
/** Steps that were on their way to the page when it happened do not count as going on. */
const MARGIN = 5;
/** Steps after which a run has something to lose. */
const FIRST_STEPS = 5;

interface Disturbance {
  readonly ms: number;
  readonly random: Random;
  readonly faults: readonly Fault[];
  readonly say: (line: string) => void;
}

/** Entry of `npm run bench:endurance`. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: 'string' }, only: { type: 'string' }, seed: { type: 'string' } },
  });
  const minutes = Number(values.minutes ?? 5);
  const seed = Number(values.seed ?? Date.now() % 100_000);
  const faults = FAULTS.filter(({ name }) => name.includes(values.only ?? ''));
  if (!(minutes > 0) || !Number.isInteger(seed) || faults.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  let differences: string[] = [];
  await withBuiltPage(async (page, version) => {
    say(`${version}, ${minutes} min, faults of seed ${seed}`);
    await prepare(page);
    const disturbed = new Driver(page);
    await disturbed.open();
    const happened = await disturb(disturbed, { ms: 60_000 * minutes, random: Random.fromSeed(seed), faults, say });
    const other = await page
      .context()
      .browser()!
      .newContext({ viewport: { width: 1440, height: 900 } });
    const quiet = await other.newPage();
    await prepare(quiet);
    await quiet.goto(page.url());
    const undisturbed = new Driver(quiet);
    await undisturbed.open();
    const end = await disturbed.step();
    await undisturbed.keepGoing(Math.max(0, end - 20));
    const reached = await undisturbed.pause();
    await disturbed.stepTo(reached);
    await undisturbed.stepTo(end);
    differences = compare(await disturbed.file(), await undisturbed.file());
    say(
      `${happened} faults; step ${Math.max(end, reached)}: ${differences.length === 0 ? 'equal to the bit' : differences.join(', ')}`,
    );
    await other.close();
  });
  return differences.length === 0 ? 0 : 1;
}

/** Trains until the time is over, through one fault after the other: each kind once before any comes again. Returns how many. */
async function disturb(driver: Driver, { ms, random, faults, say }: Disturbance): Promise<number> {
  const { page } = driver;
  const devtools = await page.context().newCDPSession(page);
  await driver.keepGoing(FIRST_STEPS);
  const end = Date.now() + ms;
  let happened = 0;
  let left: Fault[] = [];
  while (Date.now() < end) {
    await page.waitForTimeout(CALM_MS.least + (CALM_MS.most - CALM_MS.least) * random.uniform());
    if (left.length === 0) left = [...faults];
    const [fault] = left.splice(random.integer(left.length), 1);
    const before = await driver.step();
    // Said before it happens, should it be the last that is said.
    say(`step ${before}: ${fault!.name}`);
    await fault!.happen(page, devtools);
    happened++;
    // Until it shows: a worker that is silent, a run that is offered.
    await page.waitForTimeout(SHOWS_MS);
    // What was not saved is made again, so it is past where it stood once it has gone that far a second time.
    const done = await driver.keepGoing(before + MARGIN);
    const how = done.length === 0 ? 'it went on by itself' : `pressed ${done.join(', ')}`;
    say(`  ${how}; on at step ${await driver.step()}`);
  }
  await driver.pause();
  return happened;
}

/** Names of what is not the same in both. */
function compare(one: SavedRunFile, other: SavedRunFile): string[] {
  const names = new Set([...one.state.tensors.keys(), ...other.state.tensors.keys()]);
  const bits = ({ state }: SavedRunFile, name: string): Uint8Array => {
    const tensor = state.tensors.get(name);
    return tensor ? new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength) : new Uint8Array();
  };
  const isSame = (name: string): boolean => Buffer.compare(bits(one, name), bits(other, name)) === 0;
  const unlike = [...names].filter((name) => !isSame(name));
  return one.state.step === other.state.step ? unlike : [`steps ${one.state.step} and ${other.state.step}`, ...unlike];
}
