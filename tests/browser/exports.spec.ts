import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { GifReader } from 'omggif';
import { seconds } from '../../src/ui/panels/exports/animation/frames.ts';
import { inventedRun } from './support/inventedRun.ts';
import { openPage, openPanel, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 }, contextOptions: { reducedMotion: 'reduce' } });

/** What becomes of the steps from 100 to 180: a frame for each look at the batch that stays the same. */
const FRAMES = inventedRun().probe!.records.filter(({ metrics: { step } }) => step >= 100 && step <= 180).length;
const SECONDS = seconds(FRAMES);

async function downloaded(page: Page, press: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

async function choose(page: Page, from: number, to: number): Promise<void> {
  await page.getByLabel('From step').fill(String(from));
  await page.getByLabel('To step').fill(String(to));
}

/** How many samples of two pictures differ. */
function differences(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, at) => sum + Number(Math.abs(value - b[at]!) > 24), 0);
}

test('a slide is 16:9 and names the step of the matrix', async ({ page }) => {
  const complaints = await openPage(page);
  await openPanel(page, 'Share');
  const { name, bytes } = await downloaded(page, () => page.getByRole('button', { name: 'Slide as SVG' }).click());
  const step = /-slide-A-(\d+)\.svg$/.exec(name)?.[1];
  expect(step).toBe('500');
  expect(bytes.toString()).toContain(`, step ${step}`);
  const png = await downloaded(page, () => page.getByRole('button', { name: 'Slide as PNG' }).click());
  expect([png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)]).toEqual([3200, 1800]);
  await page.getByLabel('Curve on the slide').selectOption('Recall@1');
  const other = await downloaded(page, () => page.getByRole('button', { name: 'Slide as SVG' }).click());
  expect(other.bytes.toString()).toContain('>Recall@1<');
  expect(bytes.toString()).not.toContain('>Recall@1<');
  expect(complaints).toEqual([]);
});

test('a stretch of training becomes a GIF: as many frames as said, the last unlike the first', async ({ page }) => {
  const complaints = await openPage(page);
  await openPanel(page, 'Share');
  await choose(page, 100, 180);
  await expect(page.getByText(`${FRAMES} frames, ${SECONDS.toFixed(1)} s.`)).toBeVisible();
  expect(await violations(page)).toEqual([]);
  const { name, bytes } = await downloaded(page, () => page.getByRole('button', { name: 'Animation as GIF' }).click());
  expect(name).toMatch(/-100-180\.gif$/);
  await expect(page.getByText(new RegExp(`Made: ${FRAMES} frames, \\d`))).toBeVisible();
  const gif = new GifReader(bytes);
  expect([gif.width, gif.height, gif.numFrames()]).toEqual([960, 540, FRAMES]);
  const screen = new Uint8Array(4 * 960 * 540);
  gif.decodeAndBlitFrameRGBA(0, screen);
  const first = screen.slice();
  expect(new Set(first).size).toBeGreaterThan(20);
  for (let i = 1; i < FRAMES; i++) gif.decodeAndBlitFrameRGBA(i, screen);
  expect(differences(first, screen)).toBeGreaterThan(1000);
  expect(complaints).toEqual([]);
});

test('and a WebM that plays', async ({ page }) => {
  const complaints = await openPage(page);
  await openPanel(page, 'Share');
  await choose(page, 100, 180);
  await page.getByLabel('Size of the animation').selectOption('1280 × 720');
  const button = page.getByRole('button', { name: 'Animation as WebM' });
  await expect(button).toBeEnabled();
  const { name, bytes } = await downloaded(page, () => button.click());
  expect(name).toMatch(/-100-180\.webm$/);
  // Elsewhere: the page's own policy has no media.
  const player = await page.context().newPage();
  const seen = await player.evaluate(async (content) => {
    const video = document.createElement('video');
    video.muted = true;
    video.src = `data:video/webm;base64,${content}`;
    const when = (event: string) =>
      new Promise((done, fail) => {
        video.addEventListener(event, done, { once: true });
        video.addEventListener('error', () => fail(new Error(video.error?.message)), { once: true });
      });
    await when('loadeddata');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    // A frame may be drawn later than "seeked" says, on a busy machine: it is waited for.
    const pixels = async (time: number, isShown: (pixels: number[]) => boolean) => {
      if (video.currentTime !== time) {
        video.currentTime = time;
        await when('seeked');
      }
      const patience = performance.now() + 10_000;
      for (;;) {
        context.drawImage(video, 0, 0);
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        const some = [...data.filter((_, at) => at % 97 === 0)];
        if (isShown(some) || performance.now() > patience) return some;
        await new Promise((go) => setTimeout(go, 50));
      }
    };
    const { duration, videoWidth, videoHeight } = video;
    const first = await pixels(0, (some) => some.some((value) => value > 0));
    const last = await pixels(duration - 0.05, (some) => some.some((value, at) => Math.abs(value - first[at]!) > 24));
    const played = when('ended');
    video.currentTime = 0;
    video.playbackRate = 4;
    await video.play();
    await played;
    return { duration, videoWidth, videoHeight, first, last };
  }, bytes.toString('base64'));
  expect([seen.videoWidth, seen.videoHeight]).toEqual([1280, 720]);
  expect(seen.duration).toBeCloseTo(SECONDS, 1);
  expect(differences(Uint8Array.from(seen.first), Uint8Array.from(seen.last))).toBeGreaterThan(100);
  expect(complaints).toEqual([]);
});

test('it can be stopped, and the page answers meanwhile', async ({ page }) => {
  await openPage(page);
  await openPanel(page, 'Share');
  let downloads = 0;
  page.on('download', () => downloads++);
  await page.getByRole('button', { name: 'Animation as GIF' }).click();
  await expect(page.getByRole('progressbar', { name: 'Making the animation' })).toBeVisible();
  await expect
    .poll(() => page.getByRole('progressbar', { name: 'Making the animation' }).getAttribute('value'))
    .not.toBe('0');
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Stop the animation' }).click();
  await expect(page.getByRole('button', { name: 'Animation as GIF' })).toBeEnabled();
  await expect(page.getByRole('progressbar', { name: 'Making the animation' })).toBeHidden();
  expect(downloads).toBe(0);
});

test('without WebCodecs the page says so and offers the GIF', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(window, 'VideoEncoder', { value: undefined }));
  await openPage(page);
  await openPanel(page, 'Share');
  await expect(page.getByText('This browser has no encoder for WebM (WebCodecs): take the GIF.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Animation as WebM' })).toBeDisabled();
  await expect(page.getByRole('button', { name: 'Animation as GIF' })).toBeEnabled();
  expect(await violations(page)).toEqual([]);
});
