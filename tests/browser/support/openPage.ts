import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect, type Page } from '@playwright/test';
import type { LabError } from '../../../src/lab/door/labError.ts';
import type { Answers, CommandType, LabCommand, LabEvent, ProgressOf } from '../../../src/lab/door/protocol.ts';
import type { KernelsView } from '../../../src/lab/door/views.ts';
import { stepOf } from './counter.ts';
import { inventedRun } from './inventedRun.ts';
import { withoutStory } from './withoutStory.ts';
import { scriptLab, type Reply, type ScriptedWindow } from './scriptedLab.ts';

export { stepOf } from './counter.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** Playwright's own remark: service workers are off in all tests but those of the page offline. */
const NO_SERVICE_WORKER = 'Service Worker registration blocked by Playwright';
const RECORDED = JSON.stringify(inventedRun());

export interface Opening {
  /** What the server answers for the recorded run; left out, an invented one. */
  readonly recorded?: string;
  readonly withoutWebGpu?: boolean;
  /** Whether the browser offers WebGPU and finds no GPU. */
  readonly withoutGpu?: boolean;
  /** The step at which the scripted lab waits. */
  readonly lastStep?: number;
  /** What the scripted lab tells of the kernels of a step. */
  readonly kernels?: KernelsView;
  /** Fragment of the address that is opened. */
  readonly fragment?: string;
  /** Whether the story is told; left out, as to somebody who left it before. */
  readonly story?: boolean;
  /** What its matrix is called. */
  readonly matrix?: string;
}

/** The page before a scripted lab. Returns what the console complained about, for the test to look at. */
export async function openPage(
  page: Page,
  {
    recorded = RECORDED,
    withoutWebGpu,
    withoutGpu,
    lastStep,
    kernels,
    fragment,
    story = false,
    matrix = 'Batch attention',
  }: Opening = {},
): Promise<string[]> {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.text() === NO_SERVICE_WORKER) return;
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.route('**/recorded/facts.json', (route) =>
    route.fulfill({ contentType: 'application/json', body: recorded }),
  );
  await scriptLab(page, { lastStep, kernels, withoutGpu });
  if (!story) await withoutStory(page);
  if (withoutWebGpu) {
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined }));
  }
  await page.goto(fragment === undefined ? './' : `./#${fragment}`);
  await expect(page.getByRole('heading', { name: matrix })).toBeVisible();
  return complaints;
}

/** Names of the panels, as their tabs have them. */
export const PANELS = [
  'Inside',
  'Search',
  'Evaluation',
  'Model',
  'Runs',
  'Take home',
  'Share',
  'Timeline',
  'Kernels',
] as const;

/** Opens a panel by its tab; on a small screen it comes as a sheet. */
export async function openPanel(page: Page, name: (typeof PANELS)[number]): Promise<void> {
  await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true }).click();
  const opened = (['region', 'dialog'] as const).map((role) => page.getByRole(role, { name, exact: true }).first());
  await expect(opened[0]!.or(opened[1]!)).toBeVisible();
}

/** Lets the scripted run that waits at a step go on to a later one, where it waits again. */
export async function playTo(page: Page, step: number): Promise<void> {
  await nameLastStep(page, step);
  await expect.poll(() => stepOf(page)).toBe(step);
}

/** Presses Train and waits for this step of the scripted run, which waits there, still on. */
export async function trainTo(page: Page, step: number): Promise<void> {
  await nameLastStep(page, step);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await expect.poll(() => stepOf(page)).toBe(step);
}

async function nameLastStep(page: Page, step: number): Promise<void> {
  await page.evaluate((last) => (window as unknown as ScriptedWindow).playTo(last), step);
}

export async function pause(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Train', exact: true })).toBeEnabled();
}

/** Answers what the page has asked of this type last, in the lab's place. */
export function answer<T extends CommandType>(page: Page, type: T, what: Answers[T]): Promise<void> {
  return reply(page, type, { kind: 'answer', answer: what });
}

/** Lets that come to nothing. */
export function fail(page: Page, type: CommandType, error: LabError): Promise<void> {
  return reply(page, type, { kind: 'failure', error });
}

/** Tells how far it is. */
export function progress<T extends CommandType>(page: Page, type: T, what: ProgressOf<T>): Promise<void> {
  return reply(page, type, { kind: 'progress', progress: what });
}

function reply(page: Page, type: CommandType, what: Reply): Promise<void> {
  return page.evaluate((given) => (window as unknown as ScriptedWindow).reply(...given), [type, what] as const);
}

/** Refuses every configuration from now on. */
export async function refuse(page: Page, error: LabError): Promise<void> {
  await page.evaluate((one) => Object.assign(window, { refusal: one }), error);
}

/** Types of the requests that the page has stopped. */
export async function stopped(page: Page): Promise<CommandType[]> {
  return page.evaluate(() => (window as unknown as ScriptedWindow).stopped);
}

/** Tells the page what is so, in the lab's place. */
export async function say(page: Page, event: LabEvent): Promise<void> {
  await page.evaluate((one) => (window as unknown as ScriptedWindow).say(one), event);
}

/** What the page has asked of the lab. */
export async function commands(page: Page): Promise<LabCommand[]> {
  return page.evaluate(() => (window as unknown as ScriptedWindow).commands);
}

/** Colours of the matrix's cells, by rows. */
export async function cells(page: Page): Promise<string[]> {
  return page.locator('rect.cell').evaluateAll((all) => all.map((cell) => cell.getAttribute('fill') ?? ''));
}

/** What axe finds wrong, in words. */
export async function violations(page: Page): Promise<string[]> {
  // Not as a script of the page: its policy takes none but its own.
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
    const result = await axe.run();
    return result.violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
    );
  });
}

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
