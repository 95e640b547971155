import { parseArgs } from 'node:util';
import type { Page } from 'playwright';
import { build } from 'vite';
import { inBrowser, withServed } from './builtPage.ts';
import { takeMarks, watchGpu } from './gpuMarks.ts';
import { spreadOf } from './spread.ts';

const USAGE = `Usage: npm run bench:browser-start -- [--rounds N] [--against FOLDER] [--json]

Opens the built page in a fresh browser, twice a round, and presses Step: as soon as it can be pressed, and after the page has
been open for 10 s. Prints when step 1 was on the page, when the scores before it were, and how many pipelines were compiled by
when. N rounds (default 3); with the built page of another version in FOLDER, both take turns, so that what else this machine
does meets both.
`;

/** How long the page stays open before Step is pressed for the second measurement. */
const OPEN_MS = 10_000;
const PATIENCE_MS = 600_000;

/** One opening of the page; milliseconds. */
interface Start {
  /** From the beginning of the navigation. */
  readonly pressable: number;
  readonly pressed: number;
  /** Pipelines that were there when Step was pressed. */
  readonly compiledBefore: number;
  /** From the beginning of the navigation until the page says that it is at step 1, and from pressing. */
  readonly step: number;
  readonly afterPress: number;
  /** From pressing until all that belongs to a single step is there: scores, probe, pause. */
  readonly atRest: number;
  readonly pipelines: number;
  /** Time from asking for the first pipeline to having the last. */
  readonly compiling: number;
}

/** Entry of `npm run bench:browser-start`. */
export async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  const { rounds, against, json } = options;
  await build({ logLevel: 'error' });
  await withServed(undefined, async (own) => {
    const measure = async (others: readonly (readonly [string, string])[]): Promise<void> => {
      const pages = [['this', own] as const, ...others];
      for (const wait of [0, OPEN_MS]) {
        const starts = new Map(pages.map(([name]) => [name, [] as Start[]]));
        for (let round = 0; round < rounds; round++)
          for (const [name, address] of round % 2 === 0 ? pages : pages.toReversed())
            starts.get(name)?.push(await startOf(address, wait));
        for (const [name, all] of starts) process.stdout.write(json ? row(name, wait, all) : report(name, wait, all));
      }
    };
    if (against === undefined) await measure([]);
    else await withServed(against, (other) => measure([['the other', other]]));
  });
  return 0;
}

function optionsOf(
  args: readonly string[],
): { rounds: number; against?: string | undefined; json: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { rounds: { type: 'string' }, against: { type: 'string' }, json: { type: 'boolean' } },
    });
    const rounds = Number(values.rounds ?? 3);
    if (!Number.isInteger(rounds) || rounds < 1) return undefined;
    return { rounds, against: values.against, json: values.json === true };
  } catch {
    return undefined;
  }
}

function startOf(address: string, wait: number): Promise<Start> {
  return inBrowser(
    async (page) => {
      page.setDefaultTimeout(PATIENCE_MS);
      await watchGpu(page);
      await page.goto(address, { waitUntil: 'commit' });
      const button = page.getByRole('button', { name: 'Step', exact: true });
      await button.waitFor();
      const pressable = await sinceOpened(page);
      if (wait > 0) await page.waitForTimeout(Math.max(0, wait - pressable));
      const compiledBefore = (await takeMarks(page))?.pipelines.filter(({ to }) => to !== undefined).length ?? 0;
      const stepSeen = page.evaluate(
        () =>
          new Promise<number>((resolve) => {
            const look = (): void => {
              if (/step 1$/.test(document.querySelector('.counter .number')?.textContent ?? ''))
                resolve(performance.now());
              else requestAnimationFrame(look);
            };
            look();
          }),
      );
      const pressed = await sinceOpened(page);
      await button.click();
      const step = await stepSeen;
      await page.waitForFunction(() => document.querySelector('.counter .number')?.textContent === 'trained to step 1');
      const atRest = (await sinceOpened(page)) - pressed;
      const marks = await takeMarks(page);
      const pipelines = marks?.pipelines ?? [];
      const first = Math.min(...pipelines.map(({ from }) => from));
      const last = Math.max(...pipelines.map(({ to }) => to ?? NaN));
      return {
        pressable,
        pressed,
        compiledBefore,
        step,
        afterPress: step - pressed,
        atRest,
        pipelines: pipelines.length,
        compiling: last - first,
      };
      // One would bring the worker's code from its own store, where nothing can be put before it.
    },
    { serviceWorkers: 'block' },
  );
}

function sinceOpened(page: Page): Promise<number> {
  return page.evaluate(() => performance.now());
}

const TITLES: Readonly<Record<keyof Start, string>> = {
  pressable: 'Step can be pressed',
  pressed: 'pressed',
  compiledBefore: 'pipelines before',
  step: 'opened to step 1',
  afterPress: 'pressed to step 1',
  atRest: 'pressed to rest',
  pipelines: 'pipelines',
  compiling: 'first pipeline to last',
};

function mediansOf(all: readonly Start[]): Readonly<Record<keyof Start, number>> {
  const keys = Object.keys(TITLES) as (keyof Start)[];
  return Object.fromEntries(keys.map((key) => [key, spreadOf(all.map((one) => one[key])).median])) as never;
}

function row(name: string, wait: number, all: readonly Start[]): string {
  return `${JSON.stringify({ page: name, waitMs: wait, medians: mediansOf(all), starts: all })}\n`;
}

function report(name: string, wait: number, all: readonly Start[]): string {
  const medians = mediansOf(all);
  const lines = (Object.keys(TITLES) as (keyof Start)[]).map((key) => {
    const isCount = key === 'pipelines' || key === 'compiledBefore';
    const text = (value: number): string => (isCount ? String(value) : `${(value / 1000).toFixed(2)} s`);
    return `  ${TITLES[key].padEnd(24)} ${text(medians[key]).padStart(8)}   (${all.map((one) => text(one[key])).join(', ')})`;
  });
  const when = wait === 0 ? 'at once' : `after ${wait / 1000} s`;
  return [`${name}, Step pressed ${when}; median of ${all.length}`, ...lines, ''].join('\n');
}
