/**
 * Draws public/preview.png, the picture of links to the page: the slide of the recorded run at a step (default: its last).
 *   node scripts/linkPreview/draw.mjs [STEP]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { findBrowser } from '../browser.mjs';
import { PICTURE } from './plugin.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const server = await createServer({
  root,
  logLevel: 'error',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true, include: [] },
});
const load = (path) => server.ssrLoadModule(`/src/ui/${path}`);
const { slideOf } = await load('panels/exports/slideOf.ts');
const { History } = await load('state/history/history.ts');
const { momentAt, reachOf } = await load('state/moment.ts');
const { CARD, slidePicture } = await load('panels/exports/slide.ts');
const run = JSON.parse(await readFile(new URL('../../public/recorded/facts.json', import.meta.url), 'utf8'));
const step = process.argv[2] === undefined ? run.metrics.length : Number(process.argv[2]);
const moment = momentAt(reachOf(History.from(run)), step);
const { configuration, corpus } = run;
const name = `Recorded run on ${corpus.title}`;
const slide = {
  ...slideOf(moment, { configuration, name, order: 'document' }),
  title: 'Revela: a retriever learns from a language model’s loss',
};
const svg = slidePicture(slide, CARD);
await server.close();

const { executablePath, args, env } = await findBrowser('npm');
const browser = await chromium.launch({ executablePath, args, env: { ...process.env, ...env } });
const { width, height } = PICTURE;
const page = await browser.newPage({ viewport: { width, height } });
await page.setContent(`<body style="margin:0"><img width="${width}" height="${height}">`);
await page.locator('img').evaluate(
  async (image, source) => {
    image.src = source;
    await image.decode();
  },
  `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`,
);
const png = await page.screenshot();
await browser.close();
await writeFile(new URL(`../../public/${PICTURE.file}`, import.meta.url), png);
console.log(`public/${PICTURE.file}: step ${slide.step}, ${(png.length / 1000).toFixed(0)} kB`);
process.exit(0);
