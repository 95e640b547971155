import { parseArgs } from 'node:util';
import { Random } from '../../src/corpus/random.ts';
import { withBuiltPage } from '../builtPage.ts';
import { compare } from './compare.ts';
import { Driver } from './driver.ts';
import { FAULTS, sleep, type Fault } from './faults.ts';

const USAGE = `Usage: npm run bench:endurance -- [--minutes N] [--only WORDS] [--seed S]

Trains a small run in the built page for N minutes (default 5) while things go wrong at random: the GPU process and the worker are
killed, the worker hangs, the tab is frozen, the page reloaded or crashed, the network cut, the storage full, the clock turned back.
Where the run is lost, it has to be offered from its last save. Then the same run is trained undisturbed to the same step, and the two
are compared to the bit. Ends with 1 where they differ. --only: faults whose names hold these words.
`;

/** A browser keeps a page, and at last all pages, from a GPU process that ends too often: no fault comes as often as here. */
const FLAGS = ['--disable-domain-blocking-for-3d-apis', '--disable-gpu-process-crash-limit'];
const VIEWPORT = { width: 1440, height: 900 };
/** Between two faults, in ms, at least and at most. */
const CALM_MS = { least: 5000, most: 20_000 };
/** What has happened shows by then. */
const SHOWS_MS = 6000;
/** Steps that were on their way to the page when it happened do not count as going on. */
const MARGIN = 5;
/** Steps after which a run has something to lose, and the time after which it has been saved by itself. */
const FIRST_STEPS = 5;
const FIRST_SAVE_MS = 10_000;

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
    const browser = page.context().browser()!;
    const inContext = async (): Promise<Driver> =>
      new Driver(await browser.newContext({ viewport: VIEWPORT }), new URL('./', page.url()).href);
    const disturbed = await inContext();
    await disturb(disturbed, { ms: 60_000 * minutes, random: Random.fromSeed(seed), faults, say });
    const undisturbed = await inContext();
    const end = await disturbed.step();
    await undisturbed.keepGoing(Math.max(0, end - 20));
    const reached = await undisturbed.pause();
    await disturbed.stepTo(reached);
    await undisturbed.stepTo(end);
    differences = compare(await disturbed.file(), await undisturbed.file());
    say(`step ${Math.max(end, reached)}: ${differences.length === 0 ? 'equal to the bit' : differences.join(', ')}`);
  }, FLAGS);
  return differences.length === 0 ? 0 : 1;
}

/** Trains until the time is over, through one fault after the other: each kind once before any comes again. */
async function disturb(driver: Driver, { ms, random, faults, say }: Disturbance): Promise<void> {
  await driver.keepGoing(FIRST_STEPS);
  await sleep(FIRST_SAVE_MS);
  const end = Date.now() + ms;
  const counts = new Map(faults.map(({ name }) => [name, 0]));
  let left: Fault[] = [];
  let byItself = 0;
  while (Date.now() < end) {
    await sleep(CALM_MS.least + (CALM_MS.most - CALM_MS.least) * random.uniform());
    if (left.length === 0) left = [...faults];
    const [fault] = left.splice(random.integer(left.length), 1) as [Fault];
    const before = await driver.step();
    const { crashes } = driver;
    // Said before it happens, should it be the last that is said.
    say(`step ${before}: ${fault.name}`);
    await driver.suffer(fault);
    counts.set(fault.name, counts.get(fault.name)! + 1);
    // Until it shows: a worker that is silent, a run that is offered.
    await sleep(SHOWS_MS);
    // What was not saved is made again, so it is past where it stood once it has gone that far a second time.
    const done = await driver.keepGoing(before + MARGIN);
    const unforeseen = driver.crashes - crashes - (fault.crashes ? 1 : 0);
    byItself += unforeseen;
    if (unforeseen > 0) say('  the page crashed');
    const how = done.length === 0 ? 'it went on by itself' : `pressed ${done.join(', ')}`;
    say(`  ${how}; on at step ${await driver.step()}`);
  }
  await driver.pause();
  for (const [name, count] of counts) say(`${count} × ${name}`);
  say(`${byItself} × the page crashed by itself`);
}
