import { expect, test, type Locator, type Page } from '@playwright/test';
import { withoutStory } from './withoutStory.ts';

/** As small as a run can be that still has everything: a software GPU has to compute it. */
const SMALL = {
  'Chunks per batch': 4,
  'Chunk length': 24,
  Vocabulary: 300,
  Layers: 1,
  Width: 32,
  'Query heads': 2,
  'Key/value heads': 1,
  'MLP width': 32,
  'Evaluate every': 1000,
  'Held-out batches': 1,
};

/** Twelve short documents, divided by lines of ---. */
export const ESSAYS = Array.from({ length: 12 }, (_, i) => {
  const n = 3 * i + 2;
  return `The number ${n}\n\nPeople have counted to ${n} for ages, on fingers and on beads. It comes after ${n - 1} and before ${n + 1}, as all know who can count. Some call ${n} a lucky number and carry ${n} stones. Others give ${n} no thought at all and sleep as well.`;
}).join('\n\n---\n\n');

/** What a page that works never does. */
export interface Misdeeds {
  /** Console errors, and errors nobody caught. */
  readonly errors: string[];
  /** Requests to anywhere but the page's own server. */
  readonly requests: string[];
}

/** The page as it is served, with its worker and the browser's WebGPU adapter. Fails where there is no adapter. */
export async function openRealPage(page: Page): Promise<Misdeeds> {
  const misdeeds: Misdeeds = { errors: [], requests: [] };
  const home = new URL(test.info().project.use.baseURL ?? '').origin;
  page.on('console', (message) => {
    if (message.type() === 'error') misdeeds.errors.push(message.text());
  });
  page.on('pageerror', (error) => misdeeds.errors.push(error.message));
  page.context().on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && origin !== home) misdeeds.requests.push(request.url());
  });
  await withoutStory(page);
  await page.goto('./');
  const hasAdapter = await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) != null);
  expect(hasAdapter, 'the browser has a WebGPU adapter').toBe(true);
  return misdeeds;
}

export function ownText(page: Page): Locator {
  return page.getByRole('textbox', { name: 'Your text' });
}

/** Types values into the settings, by their labels. */
export async function set(page: Page, values: Readonly<Record<string, number>>): Promise<void> {
  await page.getByRole('button', { name: /^Settings/ }).click();
  for (const [label, value] of Object.entries(values)) {
    await page.getByRole('textbox', { name: label, exact: true }).fill(String(value));
  }
  await page.keyboard.press('Escape');
}

/** Chooses own text and the smallest models. */
export async function chooseSmallOnOwnText(page: Page): Promise<void> {
  await page.getByRole('tab', { name: 'Your text' }).click();
  await set(page, SMALL);
}

/** What the charts draw. */
export async function paths(page: Page): Promise<string[]> {
  return page
    .locator('figure svg[role=img] path.line')
    .evaluateAll((all) => all.map((one) => one.getAttribute('d') ?? ''));
}

/** The table that says in words and numbers what the matrix shows. */
export async function mostRead(page: Page): Promise<string> {
  return page.getByRole('table', { name: 'What each chunk reads most' }).innerText();
}
