import type { Page } from 'playwright';
import { stepOf } from '../tests/browser/support/counter.ts';
import { amountOf, withBuiltPage } from './builtPage.ts';
import { takeTimes, watchTimes, type PageTimes } from './pageTimes.ts';
import { describeSpread, spreadOf } from './spread.ts';

const USAGE = `Usage: npm run bench:browser-response -- [--seconds N]

Clicks and presses keys in the built page for N seconds (default 20), first with the recorded run at rest and then while the small
preset trains, and prints for each: times from an input to the end of the next frame, intervals between frames, and tasks of
the main thread that took more than 50 ms. A software GPU competes with the page for the machine's cores.
`;

/** Between two inputs: about as fast as people click. */
const EVERY_MS = 150;

/** Entry of `npm run bench:browser-response`. */
export async function main(args: readonly string[]): Promise<number> {
  const seconds = amountOf('--seconds', args, 20, USAGE);
  if (seconds === undefined) return 2;
  await withBuiltPage(async (page, version) => {
    process.stdout.write(`${version}, ${seconds} s each\n`);
    await page.getByRole('application').waitFor();
    const stop = page.getByRole('button', { name: 'Stop', exact: true });
    if (await stop.isVisible()) await stop.click();
    await watchTimes(page);
    process.stdout.write(report('at rest', await times(page, seconds)));
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page
      .locator('.counter')
      .getByText(/step ([2-9]|\d{2,})$/)
      .waitFor({ timeout: 600_000 });
    const before = await stepOf(page);
    const training = await times(page, seconds);
    const steps = (await stepOf(page)) - before;
    process.stdout.write(report(`training, ${(steps / seconds).toFixed(1)} steps/s`, training));
  });
  return 0;
}

/** Uses the page until the time is over, and measures meanwhile. */
async function times(page: Page, seconds: number): Promise<PageTimes> {
  const matrix = page.getByRole('application');
  const box = await matrix.boundingBox();
  if (!box) throw new Error('The matrix is not on the page.');
  const clickCell = (share: number) => () => page.mouse.click(box.x + share * box.width, box.y + 0.6 * box.height);
  const inputs: readonly (() => Promise<void>)[] = [
    clickCell(0.4),
    () => page.keyboard.press('ArrowDown'),
    () => page.getByText('S', { exact: true }).first().click(),
    clickCell(0.8),
    () => page.keyboard.press('ArrowLeft'),
    () => page.getByText('A', { exact: true }).first().click(),
    () => page.getByRole('button', { name: /^Theme/ }).click(),
  ];
  await takeTimes(page);
  const end = performance.now() + 1000 * seconds;
  for (let i = 0; performance.now() < end; i++) {
    await inputs[i % inputs.length]?.();
    await page.waitForTimeout(EVERY_MS);
  }
  return takeTimes(page);
}

function report(what: string, { responses, frames, longTasks }: PageTimes): string {
  const longest = longTasks.length === 0 ? '' : `: ${describeSpread(spreadOf(longTasks))}`;
  return [
    `${what}`,
    `  input to frame   ${describeSpread(spreadOf(responses))}`,
    `  frame to frame   ${describeSpread(spreadOf(frames))}`,
    `  long tasks       ${longTasks.length}${longest}`,
    '',
  ].join('\n');
}
